import Compaction
import Networks
import Torch

/// How a trainer's regulariser comes to the size that is its target.
extension Trainer {
  /// A controller for the target of the options; one of an earlier session goes on if it had the same target.
  mutating func prepareAutomaticStrength() {
    guard position.wish != options.sizeTarget else { return }
    position.wish = options.sizeTarget
    position.controller = options.sizeTarget.map { StrengthController(target: $0.fractions.least) }
  }

  /// Whether a strength that grows has not begun to, since the network guesses.
  private var isStrengthWaiting: Bool {
    guard options.regularizer.warmup > 0, let learning = position.learning else { return false }
    return learning.epochs == nil
  }

  /// The share of the regulariser's full strength after so many epochs; one that grows does so once the network has
  /// begun to learn.
  func strength(after epochs: Double) -> Double {
    if isStrengthWaiting { return 0 }
    let start = position.learning?.epochs ?? 0
    return options.regularizer.strength(after: epochs - start) * (position.controller?.strength ?? 1) * keptStrength
  }

  /// Whether the step just done is the first proximal one of a new quarter of the epoch.
  func isTimeToEvaluate(every count: Int, batches: Int) -> Bool {
    let quarter = max(1, options.steps(ofBatches: batches) / 4)
    return position.step / quarter != (position.step - count) / quarter
  }

  /// Whether proximal steps are so far apart that an epoch may pass without an evaluation.
  var evaluatesOnceAnEpoch: Bool {
    switch options.regularizer.frequency {
    case .epoch: true
    case .steps(let count): count > options.steps(ofBatches: position.batch)
    }
  }

  /// Lets the controller see the size that a plan would give now, right after a proximal step.
  mutating func adaptStrength(_ state: borrowing TrainingState, _ progress: Double) throws {
    guard let target = options.sizeTarget, var controller = position.controller, !isStrengthWaiting else { return }
    do {
      controller.observe(try target.predicted(for: state.snapshot(), of: whole), at: progress / Double(options.epochs))
      position.controller = controller
    } catch is TorchError {
      throw Divergence(step: position.step)
    }
  }
}
