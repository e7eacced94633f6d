import Compaction
import Containers
import Datasets
import Foundation
import Networks
import Torch

/// How a trainer goes on after it has diverged.
extension Trainer {
  /// Every time that training went back to its last good state with half the rate.
  public var backOffs: [BackOff] { position.backOffs ?? [] }

  /// The learning rate after so many epochs.
  func rate(after epochs: Double) -> Double {
    peakRate * options.schedule.factor(at: epochs, of: Double(options.epochs))
  }

  private var peakRate: Double { options.learningRate * pow(BackOff.factor, Double(position.halvings ?? 0)) }

  /// A rate that was chosen anew is taken as it is.
  mutating func forgetHalvingsOfAnotherRate() {
    guard position.halvedRate != options.learningRate else { return }
    (position.halvings, position.halvedRate) = (nil, nil)
  }

  /// The state that a checkpoint holds, or that of the start; `position` becomes what belongs to it.
  ///
  /// - Throws: `ContainerError` when the file is damaged or belongs to another training.
  mutating func takeUp(_ file: URL?) throws -> (Network, OptimizerMemory) {
    let start = description.network
    let origin = Checkpoint.Origin(
      input: start.inputShape, classes: description.classNames.count, parameters: whole.parameters, macs: whole.macs,
      data: DataSummary(data))
    guard let file else {
      position = Checkpoint.Position()
      position.origin = origin
      position.steadiness = Steadiness(reached: startingTop1)
      return (start, OptimizerMemory())
    }
    var checkpoint = try Checkpoint(contentsOf: file)
    try checkpoint.check(data: origin.data, file.lastPathComponent)
    position = checkpoint.position
    let network =
      try position.architecture?.network(with: checkpoint.parameters)
      ?? start.loading(checkpoint.parameters, from: file.lastPathComponent)
    try checkpoint.check(network, from: origin, options.optimizer, file.lastPathComponent)
    position.origin = origin
    position.steadiness = position.steadiness ?? Steadiness(reached: nil)
    // An average that is no longer kept would stand still.
    if options.averageDecay == nil { checkpoint.memory.averages = [:] }
    return (network, checkpoint.memory)
  }

  /// Whether training may come back to the state at the end of this epoch.
  ///
  /// - Throws: `Divergence` when the epoch ended in guessing and a smaller rate can still be tried.
  mutating func judge(_ accuracy: Accuracy, _ validation: Accuracy?) throws -> Bool {
    let classes = description.classNames.count
    guard var steadiness = position.steadiness else { return true }
    if steadiness.isGuessing(validation, classes: classes), (position.halvings ?? 0) < BackOff.limit {
      throw Divergence(cause: .guessing, step: position.step)
    }
    let isGood = steadiness.isGood(accuracy, classes: classes)
    steadiness.endEpoch()
    position.steadiness = steadiness
    return isGood
  }

  /// The returns to a good state that this epoch, counted from 1, began with.
  func backOffsBefore(epoch: Int) -> [BackOff]? {
    let those = backOffs.filter { $0.doneEpochs == epoch - 1 }
    return those.isEmpty ? nil : those
  }

  /// Takes up the last good state with half the rate.
  ///
  /// - Throws: `TrainingInterruption` where that was done too often, or no rate can help; the folder then holds that
  ///   state.
  mutating func goBack(
    _ divergence: Divergence, _ state: inout TrainingState, _ regularization: inout Regularization
  ) throws {
    let lost = position
    let (network, memory) = try takeUp(lastGood)
    let hasMoved = lost.step > position.step
    let halvings = lost.halvings ?? 0
    (position.seconds, position.warned) = (lost.seconds, lost.warned)
    (position.backOffs, position.halvings, position.halvedRate) = (lost.backOffs, lost.halvings, lost.halvedRate)
    regularization = try self.regularization(of: network)
    state = try TrainingState(network, memory: memory, on: device, teacher: usedTeacher)
    if hasMoved, halvings < BackOff.limit {
      (position.halvings, position.halvedRate) = (halvings + 1, options.learningRate)
      let backOff = BackOff(
        cause: divergence.cause, epoch: lost.epoch + (lost.batch == 0 ? 0 : 1), step: divergence.step,
        doneEpochs: position.epoch,
        learningRate: peakRate, number: halvings + 1)
      position.backOffs = backOffs + [backOff]
    }
    if savedIsGood == false { try save(state, isGood: true) }
    try folder.cutMetrics(to: position.metricsLength)
    guard hasMoved || position.step > 0 else {
      throw TrainingInterruption.neverFinite(step: divergence.step, kept: kept)
    }
    guard hasMoved, halvings < BackOff.limit else {
      throw TrainingInterruption.diverged(step: divergence.step, backOffs: halvings, kept: kept)
    }
    if let backOff = backOffs.last { observe(.backedOff(backOff)) }
  }

  /// The checkpoint of the last good state; nil is the start.
  private var lastGood: URL? {
    if savedIsGood == true { return folder.optimizer }
    return FileManager.default.fileExists(atPath: folder.good.path) ? folder.good : nil
  }

  private var kept: String {
    FileManager.default.fileExists(atPath: folder.last.path)
      ? "the last good checkpoint is kept in \(folder.last.lastPathComponent)" : "no checkpoint had been written yet"
  }
}

extension Network {
  /// - Throws: `NetworkError` when a parameter holds values which are NaN or infinite.
  func checkFinite() throws {
    guard let brokenParameter else { return }
    throw NetworkError("training cannot start from these weights: \(brokenParameter)")
  }
}

extension ImageSource {
  /// The first of the images, at most so many.
  func first(_ count: Int) -> ImageSubset { ImageSubset(of: self, indices: Array(0..<min(count, self.count))) }
}
