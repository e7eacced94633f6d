import Compaction
import Networks
import Torch

/// How a trainer's regulariser comes to the size that is wished.
extension Trainer {
  /// A controller for the wish of the options; one of an earlier session goes on if it had the same wish.
  mutating func prepareToSteer() {
    guard position.wish != options.wish else { return }
    position.wish = options.wish
    position.controller = options.wish.map { StrengthController(wished: $0.fractions.least) }
  }

  /// The share of the regulariser's full strength after so many epochs.
  func strength(after epochs: Double) -> Double {
    options.regularizer.strength(after: epochs) * (position.controller?.strength ?? 1)
  }

  /// Whether the step just done is the first proximal one of a new quarter of the epoch.
  func isTimeToLook(every count: Int, batches: Int) -> Bool {
    let quarter = max(1, batches / 4)
    return position.step / quarter != (position.step - count) / quarter
  }

  /// Whether proximal steps are so far apart that an epoch may pass without a look.
  var looksOnceAnEpoch: Bool {
    switch options.regularizer.frequency {
    case .epoch: true
    case .steps(let count): count > position.batch
    }
  }

  /// Lets the controller see the size that a plan would give now, right after a proximal step.
  mutating func steer(_ state: borrowing TrainingState, _ progress: Double) throws {
    guard let wish = options.wish, var controller = position.controller else { return }
    do {
      controller.observe(try wish.predicted(for: state.snapshot(), of: whole), at: progress / Double(options.epochs))
      position.controller = controller
    } catch is TorchError {
      throw Divergence(step: position.step)
    }
  }
}
