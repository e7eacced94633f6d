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
  /// Parts that are to come, in their order, as far as images go through them.
  case expected([Outlook.Part])
  /// A part of the job began, with so many items to come.
  case began(part: String, count: Int, unit: String)
  /// Within the part at hand, or by itself, layers are timed: so many of them are done.
  case timing(done: Int, of: Int, runtime: String?)
  /// So many items more are done; `state` is a word on how it goes, as `loss 0.412`.
  case advanced(Int, state: String? = nil)
  /// The part is over.
  case ended
  /// An epoch was trained and evaluated; `phase` is `train` or `fine-tune`.
  case epoch(Metrics, of: Int, phase: String, pace: EpochPace)
  /// The network was made smaller while it trained.
  case compacted(Plan, epoch: Int, phase: String)
  /// The network was compressed and the result proved equal to what the plan keeps.
  case compressed(Compressed)
  /// The test images were read.
  case tested(Accuracy, Cost)

  /// Whether this only says how far a part has come.
  public var isProgress: Bool {
    switch self {
    case .expected, .began, .timing, .advanced, .ended: true
    default: false
    }
  }
}

/// Told of every event of a job, on the thread that the job runs on.
public typealias RunObserver = (RunEvent) -> Void

/// How long an epoch took, and how long the run will.
public struct EpochPace: Sendable, Equatable {
  /// Seconds of this epoch, as far as they were spent in this session.
  public var seconds: Double
  /// Seconds that the epochs still to come will take, those of a fine-tuning that follows included, at this pace.
  public var secondsLeft: Double
}

extension RunEvent: CustomStringConvertible {
  public var description: String { text(.plain) }

  /// The event as a person reads it, in that many columns.
  package func text(_ style: TextStyle) -> String {
    switch self {
    case .note(let text): "note: \(text)"
    case .warning(let text): "warning: \(text)"
    case .expected(let parts): "to come: \(parts.map(\.name).joined(separator: ", "))"
    case .began(let part, let count, let unit): "\(part): \(count) \(unit)"
    case .timing(let done, let count, let runtime): Self.timing(done, count, runtime)
    case .advanced(let count, let state): "\(count) done" + (state.map { ", \($0)" } ?? "")
    case .ended: "done"
    case .epoch(let metrics, let epochs, let phase, let pace):
      metrics.line(phase: phase, of: epochs, pace, fitting: style.width)
    case .compacted(let plan, let epoch, let phase):
      "\(phase) smaller after epoch \(epoch): \(plan.original.parameters.formattedCount) → "
        + "\(plan.predicted.parameters.formattedCount) parameters, \(plan.original.macs.formattedCount) → "
        + "\(plan.predicted.macs.formattedCount) MACs"
    case .compressed(let compressed): compressed.text(style)
    case .tested(let accuracy, let cost):
      """
      test  \(accuracy.inWords()) of \(accuracy.images) images, \
      \(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs
      """
    }
  }
}

extension RunEvent {
  /// How far a measurement of layers has come, as a word on the part that waits for it.
  package static func timing(_ done: Int, _ count: Int, _ runtime: String?) -> String {
    "timing layers" + (runtime.map { " in \($0)" } ?? "") + " \(done)/\(count)"
  }
}

extension Metrics {
  /// The epoch in one line; where it is too long, the figures that say least are left out.
  fileprivate func line(phase: String, of epochs: Int, _ pace: EpochPace, fitting width: Int) -> String {
    let ranks = share(layers.map(\.plannedRank), of: layers.map { min($0.units, $0.singularValues.count) })
    let units = share(layers.map(\.activeUnits), of: layers.map(\.units))
    // In ordinary training nothing becomes small, in fine-tuning nothing more.
    let isWhole = ranks == "100 %" && units == "100 %" || phase != RunSteps.training
    let left = pace.secondsLeft > 0 ? ", \(pace.secondsLeft.formattedBriefly) left" : ""
    // Each with its turn to be left out, 1 first.
    let parts: [(text: String, turn: Int)] = [
      ("\(phase) \(epoch)/\(epochs)", .max), ("loss \(trainingLoss.formatted(decimals: 3))", 2),
      (trainingTop1.map { "train \(($0 / 100).formattedPercent(decimals: 1))" } ?? "", 1),
      (validation.map { "val \($0.brief)" } ?? "", .max),
      (score.map { "score \($0.inSixDigits)" } ?? "", .max),
      (isWhole ? "" : "ranks \(ranks)", 4), (isWhole ? "" : "units \(units)", 3),
      (pace.seconds.formattedBriefly + left, .max),
    ]
    var shown = parts.filter { !$0.text.isEmpty }
    func line() -> String { shown.map(\.text).joined(separator: "  ") }
    while line().count > width, let next = shown.map(\.turn).min(), next < .max {
      shown.removeAll { $0.turn == next }
    }
    return line()
  }

  /// Whole percent, rounded down: 100 % only where nothing is missing.
  private func share(_ counts: [Int], of wholes: [Int]) -> String {
    let (count, whole) = (counts.reduce(0, +), wholes.reduce(0, +))
    return whole == 0 ? "100 %" : "\(100 * count / whole) %"
  }
}

extension Accuracy: CustomStringConvertible {
  public var description: String {
    "\(inWords()), loss \(loss.formatted(decimals: 4)), \(images) images"
  }
}

/// A training's events as those of the run that it is a phase of.
///
/// Unchecked, since a training tells one thing at a time.
final class TrainingPhase: @unchecked Sendable {
  private let name: String
  private let epochs: Int
  private let images: Int
  private let batchSize: Int
  /// How many epochs come behind this phase.
  private let epochsAfter: Int
  /// When the epoch at hand began, and the share of its batches that were still to come.
  private var began = (instant: ContinuousClock.now, share: 1.0)

  init(name: String, epochs: Int, images: Int, batchSize: Int, epochsAfter: Int) {
    (self.name, self.epochs, self.images, self.batchSize) = (name, epochs, images, batchSize)
    self.epochsAfter = epochsAfter
  }

  func event(_ event: TrainingEvent) -> RunEvent {
    switch event {
    case .started(let epoch, let batches, let done):
      began = (.now, 1 - Double(done) / Double(max(1, batches)))
      return .began(
        part: "\(name) epoch \(epoch + 1)/\(epochs)", count: images - min(images, done * batchSize), unit: "images")
    case .step(let count, let loss): return .advanced(count, state: "loss \(loss.formatted(decimals: 3))")
    case .evaluated(let metrics): return .epoch(metrics, of: epochs, phase: name, pace: pace(after: metrics.epoch))
    case .began(let part, let count, let unit): return .began(part: "\(name) \(part)", count: count, unit: unit)
    case .advanced(let count): return .advanced(count)
    case .compacted(let epoch, let plan): return .compacted(plan, epoch: epoch, phase: name)
    case .warning(let text): return .warning(text)
    case .backedOff(let backOff): return .warning("\(name): \(backOff)")
    case .stoppedEarly(let epoch, let best):
      return .note(
        "\(name) ended after epoch \(epoch) of \(epochs): no held-out accuracy was better than that of epoch \(best) "
          + "(`patience`)")
    }
  }

  private func pace(after epoch: Int) -> EpochPace {
    let seconds = began.instant.duration(to: .now) / .seconds(1)
    let whole = seconds / max(began.share, 0.01)
    return EpochPace(seconds: seconds, secondsLeft: whole * Double(max(0, epochs - epoch) + epochsAfter))
  }
}

extension PartProgress {
  init(_ observe: @escaping RunObserver) {
    self.init(
      begin: { observe(.began(part: $0, count: $1, unit: $2)) }, advance: { observe(.advanced($0)) })
  }
}
