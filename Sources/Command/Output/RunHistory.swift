import Foundation
import Reports
import Thresh

/// What a run's `metrics.jsonl` say, with those of its fine-tuning behind them, and its `result.json`.
struct RunHistory {
  /// The folder's name; where several are drawn, what tells it from the others.
  var name: String
  let folder: URL
  /// In the order of the epochs; fine-tuning counts on.
  let epochs: [Epoch]
  /// The epochs after which the network was made compact.
  let cuts: [Int]
  /// What the run came to; nil where it has not ended.
  let result: Session.Result?

  struct Epoch {
    var number: Int
    var metrics: Metrics
    /// How often the network was made compact before.
    var cuts: Int
  }

  /// - Throws: `ContainerError` when the folder holds no metrics, or a line of them cannot be read.
  init(_ folder: RunFolder) throws {
    self.folder = folder.url.standardizedFileURL
    name = self.folder.lastPathComponent
    let before = try Self.metrics(folder)
    guard let last = before.last else {
      throw ContainerError("\(folder.url.path) holds no metrics.jsonl with an epoch in it; name a run's folder")
    }
    let after = try Self.metrics(folder.finetuning)
    let all = before.map { ($0.epoch, $0) } + after.map { (last.epoch + $0.epoch, $0) }
    var (epochs, cuts): ([Epoch], [Int]) = ([], [])
    for (index, (number, metrics)) in all.enumerated() {
      // A network that has fewer units than before was made smaller while it trained.
      if let earlier = epochs.last, index == before.count || metrics.size < earlier.metrics.size {
        cuts.append(earlier.number)
      }
      epochs.append(Epoch(number: number, metrics: metrics, cuts: cuts.count))
    }
    (self.epochs, self.cuts) = (epochs, cuts)
    let file = folder.url.appending(path: "result.json")
    result = (try? Data(contentsOf: file)).flatMap { try? ReadableJSON.decode(Session.Result.self, from: $0) }
  }

  private static func metrics(_ folder: RunFolder) throws -> [Metrics] {
    guard let text = try? String(contentsOf: folder.metrics, encoding: .utf8) else { return [] }
    // A kill may have torn the last line; --resume cuts it off.
    let whole = text.lastIndex(of: "\n").map { text[..<$0] } ?? ""
    return try whole.split(separator: "\n").enumerated().map { index, line in
      do {
        return try Metrics(json: Data(line.utf8))
      } catch {
        throw ContainerError(
          "line \(index + 1) of \(folder.metrics.path) is not a line of metrics; train the run again")
      }
    }
  }
}

extension Metrics {
  /// Units and singular values of all layers, which only a cut makes fewer.
  fileprivate var size: Int { layers.map { $0.units + $0.singularValues.count }.reduce(0, +) }
}

extension RunHistory {
  /// A line of one number an epoch; an epoch without it leaves a gap.
  func series(
    _ name: String, line: LinePlot.Series.Line = .solid, _ value: (Metrics) -> Double?
  ) -> LinePlot.Series {
    LinePlot.Series(
      name, epochs.map { LinePlot.Point(x: Double($0.number), y: value($0.metrics) ?? .nan) }, line: line)
  }

  /// A dot behind the last epoch.
  func end(_ name: String, _ value: Double) -> LinePlot.Series {
    LinePlot.Series(name, [LinePlot.Point(x: Double(epochs.last?.number ?? 0), y: value)], line: .none)
  }

  /// Percent of the ranks that the run's energy keeps, or of the units that live, of those the network began with.
  func share(
    _ count: @escaping (Metrics.LayerMetrics) -> Int, of whole: (Metrics.LayerMetrics) -> Int
  ) -> (Metrics) -> Double? {
    let start = epochs[0].metrics.layers.map(whole).reduce(0, +)
    return { metrics in start == 0 ? nil : 100 * Double(metrics.layers.map(count).reduce(0, +)) / Double(start) }
  }

  func has(_ value: (Metrics) -> Double?) -> Bool { epochs.contains { value($0.metrics) != nil } }

  var references: [LinePlot.Reference] { cuts.map { .vertical(x: Double($0), "made compact") } }
}

extension [RunHistory] {
  /// The runs with names that tell them apart: of their paths what all have in front and behind is left out.
  var namedApart: [RunHistory] {
    guard count > 1 else { return self }
    var paths = map { $0.folder.pathComponents }
    func share(_ part: ([String]) -> String?) -> Bool {
      paths.allSatisfy { $0.count > 1 } && Set(paths.map { part($0) ?? "" }).count == 1
    }
    while share(\.first) { paths = paths.map { Array<String>($0.dropFirst()) } }
    while share(\.last) { paths = paths.map { Array<String>($0.dropLast()) } }
    return zip(self, paths).map { run, path in
      var run = run
      run.name = path.joined(separator: "/")
      return run
    }
  }
}
