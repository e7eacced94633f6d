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

  /// The share of the regulariser's strength that earlier collapses have left.
  var keptStrength: Double { pow(BackOff.factor, Double(position.strengthHalvings ?? 0)) }

  /// A rate that was chosen anew is taken as it is, and so are strengths.
  mutating func forgetHalvingsOfOtherOptions() {
    if position.halvedRate != options.learningRate { (position.halvings, position.halvedRate) = (nil, nil) }
    if position.halvedStrengths != options.regularizer.norms {
      (position.strengthHalvings, position.halvedStrengths) = (nil, nil)
    }
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
      position.learning = LearningStart()
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
  /// - Throws: `Divergence` when the epoch ended in guessing and a smaller rate or strength can still be tried.
  mutating func judge(_ accuracy: Accuracy, _ validation: Accuracy?) throws -> Bool {
    let classes = description.classNames.count
    guard var steadiness = position.steadiness else { return true }
    // The partial regulariser has a schedule and no strength.
    if options.regularizer.partial == nil {
      let cause: BackOff.Cause = options.regularizer.isNone ? .guessing : .collapsed
      let hasLearnt = cause == .collapsed && position.learning?.epochs != nil
      if steadiness.isGuessing(validation, classes: classes, hasLearnt: hasLearnt), halvings(for: cause) < BackOff.limit
      {
        throw Divergence(cause: cause, step: position.step)
      }
    }
    let isGood = steadiness.isGood(accuracy, classes: classes)
    steadiness.endEpoch()
    position.steadiness = steadiness
    return isGood
  }

  /// How often what a divergence of this cause halves has been halved.
  private func halvings(for cause: BackOff.Cause) -> Int {
    (cause == .collapsed ? position.strengthHalvings : position.halvings) ?? 0
  }

  /// The returns to a good state that this epoch, counted from 1, began with.
  func backOffsBefore(epoch: Int) -> [BackOff]? {
    let those = backOffs.filter { $0.doneEpochs == epoch - 1 }
    return those.isEmpty ? nil : those
  }

  /// Takes up the last good state with half the rate, or half the strength after a collapse.
  ///
  /// - Throws: `TrainingInterruption` where that was done too often, or no rate can help; the folder then holds that
  ///   state.
  mutating func goBack(
    _ divergence: Divergence, _ state: inout TrainingState, _ regularization: inout Regularization
  ) throws {
    let lost = position
    let (network, memory) = try takeUp(lastGood)
    let hasMoved = lost.step > position.step
    (position.seconds, position.warned) = (lost.seconds, lost.warned)
    (position.backOffs, position.halvings, position.halvedRate) = (lost.backOffs, lost.halvings, lost.halvedRate)
    (position.strengthHalvings, position.halvedStrengths) = (lost.strengthHalvings, lost.halvedStrengths)
    let halvings = halvings(for: divergence.cause)
    regularization = try self.regularization(of: network)
    state = try beginning(network, memory)
    if hasMoved, halvings < BackOff.limit {
      let isCollapse = divergence.cause == .collapsed
      if isCollapse {
        (position.strengthHalvings, position.halvedStrengths) = (halvings + 1, options.regularizer.norms)
      } else {
        (position.halvings, position.halvedRate) = (halvings + 1, options.learningRate)
      }
      let backOff = BackOff(
        cause: divergence.cause, epoch: lost.epoch + (lost.batch == 0 ? 0 : 1), step: divergence.step,
        doneEpochs: position.epoch,
        learningRate: peakRate, strength: isCollapse ? keptStrength : nil, number: halvings + 1)
      position.backOffs = backOffs + [backOff]
    }
    if savedIsGood == false { try save(state, isGood: true) }
    try folder.cutMetrics(to: position.metricsLength)
    tellingOfEvents { try $0.events?.begin(at: $0.position) }
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

extension Regularizer {
  /// The strengths of the nuclear norm and the group lasso.
  fileprivate var norms: [Double] { [nuclear, group] }
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
