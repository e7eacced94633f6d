import Foundation
import TensorBoardSchema

/// What `metrics.jsonl` says, for TensorBoard: event files in the run's folder, a step of the optimiser as the step.
///
/// Every training and every one that is resumed begins a file. It says from which step on earlier files no longer hold.
struct EventLog {
  private let file: EventFile
  /// Seconds of training when the epoch began; nil where it began before.
  private var seconds: Double?

  /// - Parameters:
  ///   - position: where training goes on; at step 0 earlier files are removed.
  /// - Throws: what Foundation throws when the file cannot be written.
  init(in folder: RunFolder, from position: Checkpoint.Position) throws {
    if position.step == 0 { Self.removeFiles(in: folder) }
    file = try EventFile(in: folder.url)
    try begin(at: position)
  }

  /// Says that training goes on from here, and what was written of later steps is void.
  mutating func begin(at position: Checkpoint.Position) throws {
    seconds = position.batch == 0 ? position.seconds : nil
    guard position.step > 0 else { return }
    var event = Self.event(after: position.step + 1)
    event.sessionLog.status = .start
    try file.append(event)
  }

  /// - Parameter images: how many were learnt from in this epoch.
  mutating func append(_ metrics: Metrics, images: Int) throws {
    let spent = seconds.map { metrics.seconds - $0 }
    seconds = metrics.seconds
    var event = Self.event(after: metrics.step)
    event.summary.value = metrics.scalars.map { tag, number in Self.value(tag) { $0.simpleValue = Float(number) } }
    if let spent, spent > 0 {
      event.summary.value.append(Self.value("images_per_second") { $0.simpleValue = Float(Double(images) / spent) })
    }
    for layer in metrics.layers where !layer.singularValues.isEmpty {
      event.summary.value.append(
        Self.value("singular_values/\(layer.name)") { $0.histo = Histogram(of: layer.singularValues) })
    }
    try file.append(event)
  }

  private static func removeFiles(in folder: RunFolder) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []
    for name in names where name.hasPrefix(EventFile.prefix) {
      try? FileManager.default.removeItem(at: folder.url.appending(path: name))
    }
  }

  private static func event(after step: Int) -> Event {
    var event = Event()
    (event.wallTime, event.step) = (Date().timeIntervalSince1970, Int64(step))
    return event
  }

  private static func value(_ tag: String, _ set: (inout Summary.Value) -> Void) -> Summary.Value {
    var value = Summary.Value()
    value.tag = tag
    set(&value)
    return value
  }
}

private typealias Histogram = Thresh_Tensorboard_Histogram

extension Metrics {
  /// Every number with the name it has in TensorBoard.
  fileprivate var scalars: [(tag: String, number: Double)] {
    let whole: [(String, Double?)] = [
      ("epoch", Double(epoch)), ("lr", learningRate), ("train/loss", trainingLoss), ("train/top1", trainingTop1),
      ("val/loss", validation?.loss), ("val/top1", validation?.top1),
      ("val/relative_error", validation?.relativeError), ("val/score", score), ("compression/strength", strength),
      ("compression/predicted_size", predictedSize),
    ]
    let layers = layers.flatMap { layer in
      [
        ("rank/\(layer.name)", Double(layer.plannedRank)), ("active_units/\(layer.name)", Double(layer.activeUnits)),
      ]
    }
    return whole.compactMap { tag, number in number.map { (tag, $0) } } + layers
  }
}

extension Histogram {
  private static let buckets = 30

  /// Buckets of equal width.
  fileprivate init(of values: [Double]) {
    self.init()
    (min, max) = (values.min() ?? 0, values.max() ?? 0)
    (num, sum) = (Double(values.count), values.reduce(0, +))
    sumSquares = values.reduce(0) { $0 + $1 * $1 }
    let width = (max - min) / Double(Self.buckets)
    guard width > 0 else {
      (bucketLimit, bucket) = ([max], [num])
      return
    }
    bucketLimit = (1...Self.buckets).map { $0 == Self.buckets ? max : min + Double($0) * width }
    bucket = Array(repeating: 0, count: Self.buckets)
    for value in values { bucket[Swift.min(Self.buckets - 1, Int((value - min) / width))] += 1 }
  }
}
