import Interchange
import Networks

/// The files that a training leaves in its folder.
extension Trainer {
  /// - Parameter isGood: whether training may come back to this state.
  mutating func save(_ state: borrowing TrainingState, isGood: Bool) throws {
    let network = state.snapshot()
    // A step with a finite loss can still have made weights that are not.
    guard network.brokenParameter == nil else { throw Divergence(step: position.step) }
    position.isGood = isGood
    if !isGood, savedIsGood == true { try folder.keepGood() }
    try model(state.average ?? network, nil).write(to: folder.last)
    try Checkpoint(parameters: network.parameters, memory: state.memory, position: position)
      .write(to: folder.optimizer)
    savedIsGood = isGood
    if isGood { folder.removeGood() }
  }

  /// Writes for TensorBoard; training does without where that fails, and says so once.
  mutating func tellingOfEvents(_ write: (inout Self) throws -> Void) {
    do {
      try write(&self)
    } catch {
      events = nil
      observe(.warning("TensorBoard's file cannot be written (\(error.localizedDescription)); training goes on"))
    }
  }

  func model(_ network: Network, _ validation: Accuracy?, score: Double? = nil) -> Model {
    var model = description
    model.network = network
    model.figures["epoch"] = Double(position.epoch)
    model.figures["validationTop1"] = validation?.top1
    model.figures["score"] = score
    return model
  }
}
