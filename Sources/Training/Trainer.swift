import Compaction
import Containers
import Datasets
import Foundation
import Interchange
import Networks
import Torch

/// What a training tells while it runs.
public enum TrainingEvent: Sendable {
  case started(epoch: Int, batches: Int, doneBatches: Int)
  /// A batch was learnt from; with `TrainingOptions.accumulate` several make one optimiser step.
  case step(images: Int, loss: Double)
  case evaluated(Metrics)
  /// A part of making the network smaller began, of so many items.
  case began(part: String, count: Int, unit: String)
  case advanced(Int)
  case compacted(epoch: Int, Plan)
  case warning(String)
  case backedOff(BackOff)
  /// Training ended after this epoch, since none had a better held-out accuracy than `best`.
  case stoppedEarly(epoch: Int, best: Int)
}

/// Trains a network, optionally for compression, and keeps a run's folder.
///
/// A training that diverges goes back to its last good state with half the rate, or half the regulariser's strength, up
/// to three times; see `BackOff`.
public struct Trainer {
  public let options: TrainingOptions
  public let data: Dataset
  public let folder: RunFolder
  /// Everything that goes into the model files beside the network.
  public let description: Model
  /// Asked after every step; true saves and stops.
  public var shouldStop: () -> Bool = { false }
  /// Seconds between checkpoints within an epoch.
  public var checkpointInterval = 300.0
  /// Where the steps run; checkpoints, thresholds and files are made on the CPU.
  public var device = Device.cpu
  /// The network that `TrainingOptions.distillation` learns from; nil learns from the labels alone.
  public var teacher: Network?
  /// What is learnt where images have no labels; nil for images with labels.
  public var original: Original?
  /// Tells how long layers take, where the network is made smaller by time.
  public var layerClock: LayerClock?
  /// The accuracy, in percent, of the network that training starts from, where it is known: a fall from there to
  /// guessing is a divergence.
  public var startingTop1: Double?
  /// How good a network is, the larger the better, where that decides which one is kept; asked after every epoch of an
  /// ordinary training.
  public var score: ((Model) throws -> Double)?
  public var observe: (TrainingEvent) -> Void = { _ in }
  /// Whether what an epoch came to is written for TensorBoard too.
  public var writesEvents = false
  /// Called once a checkpoint that training goes on from is known to belong to it, before anything is written.
  public var willStart: () throws -> Void = {}

  var position = Checkpoint.Position()
  /// What the partial regulariser shrinks, bound to the network; nil before its first plan.
  var partial: PartialRegularization?
  /// The cost of the network where training starts.
  var whole = Cost()
  /// Nil where nothing is written for TensorBoard, or could not be.
  var events: EventLog?
  /// Whether the checkpoint in the folder may be come back to; nil while this training has none there.
  var savedIsGood: Bool?

  /// - Parameter description: the model as it is before training; its network is where training starts.
  public init(_ options: TrainingOptions, _ data: Dataset, _ description: Model, in folder: RunFolder) {
    self.options = options
    self.data = data
    self.folder = folder
    var description = description
    // Equal parameters that a file keeps once need not stay equal.
    description.network = description.network.separatingParameters()
    self.description = description
  }

  /// Trains from the start, or from the folder's checkpoint with `resume`, and returns the last network.
  ///
  /// - Throws: `TrainingInterruption`, `ContainerError` when the disk refuses, `DatasetError`, `NetworkError`.
  public mutating func train(resume: Bool) throws -> Network {
    whole = try description.network.cost()
    let isResumed = resume && FileManager.default.fileExists(atPath: folder.optimizer.path)
    if !isResumed { try description.network.checkFinite() }
    let (network, memory) = try takeUp(isResumed ? folder.optimizer : nil)
    savedIsGood = isResumed ? position.isGood ?? true : nil
    forgetHalvingsOfOtherOptions()
    try willStart()
    if !isResumed { folder.removeGood() }
    try folder.cutMetrics(to: position.metricsLength)
    if writesEvents { tellingOfEvents { $0.events = try EventLog(in: $0.folder, from: $0.position) } }
    var regularization = try regularization(of: network)
    try checkReach(of: network)
    var state = try beginning(network, memory)
    if options.epochs == 0 { try keepUntrained(state) }
    while position.epoch < options.epochs && !isStalled || isTimeToCompact {
      do {
        if isTimeToCompact { try compact(&state, &regularization) }
        guard position.epoch < options.epochs else { break }
        try runEpoch(&state, regularization)
        try finishEpoch(&state, regularization)
      } catch let divergence as Divergence {
        try goBack(divergence, &state, &regularization)
      }
    }
    tellIfStalled()
    return state.result()
  }

  /// The regulariser of this training, bound to the network that it goes on with.
  mutating func regularization(of network: Network) throws -> Regularization {
    let regularization = try Regularization(options.regularizer, on: network, start: position.start)
    position.start = regularization.start
    position.optimizer = options.optimizer
    prepareAutomaticStrength()
    try bindCut(to: network)
    return regularization
  }

  /// The buffers that training from `network` on changes.
  func beginning(_ network: Network, _ memory: OptimizerMemory) throws -> TrainingState {
    try TrainingState(
      network, memory: memory, on: device, teacher: usedTeacher, like: original, rates: options.layerRates)
  }

  private var usedTeacher: Network? { options.distillation == nil ? nil : teacher }

  private mutating func runEpoch(_ state: inout TrainingState, _ regularization: Regularization) throws {
    let loader = BatchLoader(
      data.train,
      .training(
        data, batchSize: options.batchSize, seed: options.seed, epoch: position.epoch, firstBatch: position.batch))
    observe(.started(epoch: position.epoch, batches: loader.batchCount, doneBatches: position.batch))
    var clock = ContinuousClock.now
    var lastSave = clock
    while let batch = try loader.next() {
      // Dropout's masks depend on seed and batch alone, so a resumed run draws the same.
      let generator = Generator(
        seed: options.seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(position.epoch * loader.batchCount + position.batch))
      let mix = data.augmentation.mixing.mix(
        seed: options.seed, epoch: position.epoch, batch: batch.number, shape: batch.shape)
      let (loss, correct) = state.addGradients(of: batch, options, mix: mix, generator: generator)
      guard loss.isFinite else { throw Divergence(step: position.step + 1) }
      position.batch += 1
      position.images += batch.count
      position.lossSum += loss * Double(batch.count)
      position.correct += correct
      let done = Double(position.epoch) + Double(position.batch) / Double(loader.batchCount)
      let classes = description.classNames.count
      position.learning?.add(images: batch.count, correct: correct, classes: classes, after: done)
      if 4 * position.batch > 3 * loader.batchCount {
        position.steadiness?.add(images: batch.count, correct: correct)
      }
      observe(.step(images: batch.count, loss: loss))
      // Between two steps gradients are kept that no checkpoint has: nothing is saved there.
      guard position.batch % options.accumulate == 0 || position.batch == loader.batchCount else { continue }
      let progress = progress(beforeStepIn: loader.batchCount)
      let rate = rate(after: progress)
      state.step(options, rate: rate)
      position.step += 1
      // Most of what is pressed learns at the pretrained layers' part of the rate.
      let pressed = rate * options.layerRates.pretrainedScale
      position.pendingStep += options.proximalStep(at: pressed) * strength(after: progress)
      if case .steps(let count) = options.regularizer.frequency, position.step % count == 0 {
        try planCut(state, progress, batches: loader.batchCount)
        try proximalStep(&state, regularization, progress)
        if isTimeToEvaluate(every: count, batches: loader.batchCount) { try adaptStrength(state, progress) }
      }
      position.seconds += clock.lap()
      if shouldStop() {
        try save(state, isGood: false)
        throw TrainingInterruption.stopped(epoch: position.epoch, step: position.step)
      }
      if lastSave.duration(to: clock) > .seconds(checkpointInterval) {
        try save(state, isGood: false)
        lastSave = clock
      }
    }
  }

  /// The epochs that were done when the batches of this step began, in whole and parts.
  private func progress(beforeStepIn batches: Int) -> Double {
    let first = options.accumulate * ((position.batch - 1) / options.accumulate)
    return Double(position.epoch) + Double(first) / Double(batches)
  }

  /// No epoch at all still gives a run's folder its models: those of the start.
  private mutating func keepUntrained(_ state: borrowing TrainingState) throws {
    try model(state.result(), nil).write(to: folder.best)
    try save(state, isGood: true)
  }

  /// Ranks are measured right after a proximal step: they grow again between two.
  private mutating func finishEpoch(_ state: inout TrainingState, _ regularization: Regularization) throws {
    var clock = ContinuousClock.now
    let progress = Double(position.epoch + 1)
    if partial == nil || evaluatesOnceAnEpoch { try planCut(state, progress, batches: position.batch) }
    try proximalStep(&state, regularization, progress)
    if evaluatesOnceAnEpoch { try adaptStrength(state, progress) }
    let network = state.result()
    func accuracy(_ images: any ImageSource) throws -> Accuracy {
      try network.accuracy(on: images, of: data, like: original, device: device)
    }
    let validation = try data.validation.map(accuracy)
    // Without any held out, a few of the training images tell whether the network still gives numbers.
    let reached = try validation ?? accuracy(data.train.first(250))
    let layers = try finiteLayers(of: network, reached)
    let isGood = try judge(reached, validation)
    position.epoch += 1
    position.batch = 0
    position.seconds += clock.lap()
    let count = position.images
    let images = Double(max(1, count))
    var metrics = Metrics(
      epoch: position.epoch, step: position.step, seconds: position.seconds,
      learningRate: rate(after: progress),
      trainingLoss: position.lossSum / images,
      trainingTop1: original == nil ? 100 * Double(position.correct) / images : nil,
      validation: validation, strength: position.controller.map { $0.strength * keptStrength },
      predictedSize: position.controller?.size,
      layers: layers, backOffs: backOffsBefore(epoch: position.epoch))
    if options.isOrdinary { metrics.score = try score?(model(network, validation)) }
    (position.lossSum, position.correct, position.images) = (0, 0, 0)
    position.metricsLength = try folder.append(metrics)
    tellingOfEvents { try $0.events?.append(metrics, images: count) }
    try keepIfBest(network, metrics)
    try save(state, isGood: isGood)
    observe(.evaluated(metrics))
    if position.epoch > 1 || options.schedule.warmup < 1 {
      let classes = description.classNames.count
      let alarm = metrics.trainingTop1.flatMap { Alarm.guessing(top1: $0, classes: classes, epoch: position.epoch) }
      warn([alarm].compactMap(\.self))
    }
  }

  /// The epoch's last step may have been the one that made weights NaN; they must not replace the good ones.
  private func finiteLayers(of network: Network, _ accuracy: Accuracy) throws -> [Metrics.LayerMetrics] {
    do {
      let layers = try network.layerMetrics(energy: options.energy, options.energyMeasure)
      let isFinite = layers.allSatisfy { layer in
        layer.energy.isFinite && layer.singularValues.allSatisfy(\.isFinite)
      }
      guard isFinite, accuracy.loss.isFinite, network.brokenParameter == nil else {
        throw Divergence(step: position.step)
      }
      return layers
    } catch is TorchError {
      throw Divergence(step: position.step)
    }
  }

  private mutating func proximalStep(
    _ state: inout TrainingState, _ regularization: Regularization, _ progress: Double
  ) throws {
    // The last step of an epoch may have been one already.
    guard !options.regularizer.isNone, position.pendingStep > 0 else { return }
    let step: ProximalStep?
    do {
      if let partial, let shrinkage = shrinkage(progress) {
        try state.proximalStep(partial, shrinkage, regularization)
        step = nil
      } else {
        step = try state.proximalStep(regularization, t: position.pendingStep)
      }
    } catch is TorchError {
      throw Divergence(step: position.step)
    }
    position.pendingStep = 0
    guard let step else { return }
    let alarms = step.alarms(
      energy: options.energy, options.energyMeasure, before: position.spectralSums ?? [:],
      isNormalized: regularization.isNormalized)
    position.spectralSums = step.spectralSums
    warn(alarms)
  }

  private mutating func warn(_ alarms: [Alarm]) {
    for alarm in alarms where !position.warned.contains(alarm.id) {
      position.warned.append(alarm.id)
      observe(.warning("step \(position.step): \(alarm.message)"))
    }
  }

  private mutating func keepIfBest(_ network: Network, _ metrics: Metrics) throws {
    // A network that is trained for compression gets better at it until the end: its last is its best.
    let found = options.isOrdinary ? metrics.score ?? metrics.validation?.score : nil
    let score = found ?? Double(position.epoch)
    let isBest = position.bestTop1.map { score > $0 } ?? true
    if isBest || position.bestEpoch == nil { position.bestEpoch = position.epoch }
    guard isBest else { return }
    position.bestTop1 = score
    try model(network, metrics.validation, score: metrics.score).write(to: folder.best)
  }
}
