import Compaction
import Networks
import Reports
import Training

/// What a longer job tells while it runs. The library prints nothing; whoever observes the job decides what is shown.
public enum RunEvent: Sendable {
  /// A sentence about what was assumed or chosen.
  case note(String)
  /// A sentence about what may go wrong.
  case warning(String)
  /// A part of the job began, with so many items to come.
  case began(part: String, count: Int, unit: String)
  /// So many items more are done; `state` is a word on how it goes, as `loss 0.412`.
  case advanced(Int, state: String? = nil)
  /// The part is over.
  case ended
  /// An epoch of `epochs` was trained and evaluated; `phase` is `train` or `fine-tune`.
  case epoch(Metrics, of: Int, phase: String)
  /// The network was made smaller while it trained.
  case compacted(Plan, epoch: Int, phase: String)
  /// The network was compressed and the result proved equal to what the plan keeps.
  case compressed(Compressed)
  /// The test images were read.
  case tested(Accuracy, Cost)

  /// Whether this only says how far a part has come.
  public var isProgress: Bool {
    switch self {
    case .began, .advanced, .ended: true
    default: false
    }
  }
}

/// Told of every event of a job, on the thread that the job runs on.
public typealias RunObserver = (RunEvent) -> Void

extension RunEvent: CustomStringConvertible {
  public var description: String {
    switch self {
    case .note(let text): "note: \(text)"
    case .warning(let text): "warning: \(text)"
    case .began(let part, let count, let unit): "\(part): \(count) \(unit)"
    case .advanced(let count, let state): "\(count) done" + (state.map { ", \($0)" } ?? "")
    case .ended: "done"
    case .epoch(let metrics, let epochs, let phase): metrics.line(phase: phase, of: epochs)
    case .compacted(let plan, let epoch, let phase):
      "\(phase) smaller after epoch \(epoch): \(plan.original.parameters.formattedCount) → "
        + "\(plan.predicted.parameters.formattedCount) parameters, \(plan.original.macs.formattedCount) → "
        + "\(plan.predicted.macs.formattedCount) MACs"
    case .compressed(let compressed): compressed.description
    case .tested(let accuracy, let cost):
      """
      test  top-1 \((accuracy.top1 / 100).formattedPercent(decimals: 2)) of \(accuracy.images) images, \
      \(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs
      """
    }
  }
}

extension Metrics {
  fileprivate func line(phase: String, of epochs: Int) -> String {
    let ranks = layers.map(\.plannedRank).reduce(0, +)
    let fullRanks = layers.map { min($0.units, $0.singularValues.count) }.reduce(0, +)
    let units = (layers.map(\.activeUnits).reduce(0, +), layers.map(\.units).reduce(0, +))
    let parts = [
      "\(phase) epoch \(epoch)/\(epochs)", "loss \(trainingLoss.formatted(decimals: 3))",
      "train \((trainingTop1 / 100).formattedPercent(decimals: 1))",
      validation.map { "validation \(($0.top1 / 100).formattedPercent(decimals: 1))" } ?? "",
      "ranks \(ranks)/\(fullRanks)", "units \(units.0)/\(units.1)", seconds.formattedDuration,
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "  ")
  }
}

extension Accuracy: CustomStringConvertible {
  public var description: String {
    "top-1 \((top1 / 100).formattedPercent(decimals: 2)), loss \(loss.formatted(decimals: 4)), \(images) images"
  }
}

/// A training's events as those of the run that it is a phase of.
struct TrainingPhase {
  let name: String
  let epochs: Int
  let images: Int
  let batchSize: Int

  func event(_ event: TrainingEvent) -> RunEvent {
    switch event {
    case .started(let epoch, _, let done):
      .began(
        part: "\(name) epoch \(epoch + 1)/\(epochs)", count: images - min(images, done * batchSize), unit: "images")
    case .step(let count, let loss): .advanced(count, state: "loss \(loss.formatted(decimals: 3))")
    case .evaluated(let metrics): .epoch(metrics, of: epochs, phase: name)
    case .began(let part, let count, let unit): .began(part: "\(name) \(part)", count: count, unit: unit)
    case .advanced(let count): .advanced(count)
    case .compacted(let epoch, let plan): .compacted(plan, epoch: epoch, phase: name)
    case .warning(let text): .warning(text)
    case .backedOff(let backOff): .warning("\(name): \(backOff)")
    case .stoppedEarly(let epoch, let best):
      .note(
        "\(name) ended after epoch \(epoch) of \(epochs): no held-out accuracy was better than that of epoch \(best) "
          + "(`patience`)")
    }
  }
}

extension PartProgress {
  init(_ observe: @escaping RunObserver) {
    self.init(
      begin: { observe(.began(part: $0, count: $1, unit: $2)) }, advance: { observe(.advanced($0)) })
  }
}
