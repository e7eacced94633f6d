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
  case step(images: Int, loss: Double)
  case evaluated(Metrics)
  /// A part of making the network smaller began, of so many items.
  case began(part: String, count: Int, unit: String)
  case advanced(Int)
  case compacted(epoch: Int, Plan)
  case warning(String)
}

/// A training that ended before its last epoch.
public enum TrainingInterruption: Error, CustomStringConvertible, Equatable {
  /// It was asked to stop; everything is saved.
  case stopped(epoch: Int, step: Int)
  /// The loss is not a number.
  case diverged(step: Int, kept: String)

  public var description: String {
    switch self {
    case .stopped(let epoch, let step):
      "stopped in epoch \(epoch + 1) after step \(step); everything is saved, go on with --resume"
    case .diverged(let step, let kept):
      "the loss became NaN or infinite at step \(step); \(kept); lower --lr"
    }
  }
}

/// Trains a network, optionally for compression, and keeps a run's folder.
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
  /// Tells how long layers take, where the network is made smaller by time.
  public var layerClock: LayerClock?
  public var observe: (TrainingEvent) -> Void = { _ in }
  /// Called once a checkpoint that training goes on from is known to belong to it, before anything is written.
  public var willStart: () throws -> Void = {}

  var position = Checkpoint.Position()
  /// The cost of the network where training starts.
  var whole = Cost()

  /// - Parameter description: the model as it is before training; its network is where training starts.
  public init(_ options: TrainingOptions, _ data: Dataset, _ description: Model, in folder: RunFolder) {
    self.options = options
    self.data = data
    self.description = description
    self.folder = folder
  }

  /// Trains from the start, or from the folder's checkpoint with `resume`, and returns the last network.
  ///
  /// - Throws: `TrainingInterruption`, `ContainerError` when the disk refuses, `DatasetError`, `NetworkError`.
  public mutating func train(resume: Bool) throws -> Network {
    // Equal parameters that a file keeps once are no wish that they stay equal.
    var network = description.network.separatingParameters()
    var memory = OptimizerMemory()
    whole = try network.cost()
    let origin = Checkpoint.Origin(
      input: network.inputShape, classes: description.classNames.count, parameters: whole.parameters, macs: whole.macs)
    if resume, FileManager.default.fileExists(atPath: folder.optimizer.path) {
      let checkpoint = try Checkpoint(contentsOf: folder.optimizer)
      (memory, position) = (checkpoint.memory, checkpoint.position)
      network =
        try position.architecture?.network(with: checkpoint.parameters)
        ?? network.loading(checkpoint.parameters, from: folder.optimizer.lastPathComponent)
      try checkpoint.check(network, from: origin, options.optimizer, folder.optimizer.lastPathComponent)
    }
    position.origin = origin
    try willStart()
    try folder.cutMetrics(to: position.metricsLength)
    var regularization = try Regularization(options.regularizer, on: network, start: position.start)
    position.start = regularization.start
    position.optimizer = options.optimizer
    prepareToSteer()
    try checkReach(of: network)
    var state = try TrainingState(network, memory: memory, on: device, teacher: usedTeacher)
    if options.epochs == 0 { try keepUntrained(state) }
    while position.epoch < options.epochs {
      if isTimeToCompact { try compact(&state, &regularization) }
      try runEpoch(&state, regularization)
      try finishEpoch(&state, regularization)
    }
    if isTimeToCompact { try compact(&state, &regularization) }
    return state.snapshot()
  }

  var usedTeacher: Network? { options.distillation == nil ? nil : teacher }

  private mutating func runEpoch(_ state: inout TrainingState, _ regularization: Regularization) throws {
    let loader = BatchLoader(
      data.train,
      .training(
        data, batchSize: options.batchSize, seed: options.seed, epoch: position.epoch, firstBatch: position.batch))
    observe(.started(epoch: position.epoch, batches: loader.batchCount, doneBatches: position.batch))
    var clock = ContinuousClock.now
    var lastSave = clock
    while let batch = try loader.next() {
      let progress = Double(position.epoch) + Double(position.batch) / Double(loader.batchCount)
      let rate = options.learningRate * options.schedule.factor(at: progress, of: Double(options.epochs))
      // Dropout's masks depend on seed and step alone, so a resumed run draws the same.
      let generator = Generator(seed: options.seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(position.step))
      let (loss, correct) = state.step(batch, options, rate: rate, generator: generator)
      guard loss.isFinite else { throw divergence(at: position.step + 1) }
      position.step += 1
      position.batch += 1
      position.images += batch.count
      position.lossSum += loss * Double(batch.count)
      position.correct += correct
      position.pendingStep += options.proximalStep(at: rate) * strength(after: progress)
      if case .steps(let count) = options.regularizer.frequency, position.step % count == 0 {
        try proximalStep(&state, regularization)
        if isTimeToLook(every: count, batches: loader.batchCount) { try steer(state, progress) }
      }
      observe(.step(images: batch.count, loss: loss))
      position.seconds += clock.lap()
      if shouldStop() {
        try save(state)
        throw TrainingInterruption.stopped(epoch: position.epoch, step: position.step)
      }
      if lastSave.duration(to: clock) > .seconds(checkpointInterval) {
        try save(state)
        lastSave = clock
      }
    }
  }

  /// No epoch at all still gives a run's folder its models: those of the start.
  private mutating func keepUntrained(_ state: borrowing TrainingState) throws {
    try model(state.snapshot(), nil).write(to: folder.best)
    try save(state)
  }

  /// Ranks are measured right after a proximal step: they grow again between two.
  private mutating func finishEpoch(_ state: inout TrainingState, _ regularization: Regularization) throws {
    var clock = ContinuousClock.now
    try proximalStep(&state, regularization)
    if looksOnceAnEpoch { try steer(state, Double(position.epoch + 1)) }
    let network = state.snapshot()
    let validation = try data.validation.map { try network.accuracy(on: $0, of: data, device: device) }
    let layers = try finiteLayers(of: network, validation)
    let progress = Double(position.epoch + 1)
    position.epoch += 1
    position.batch = 0
    position.seconds += clock.lap()
    let images = Double(max(1, position.images))
    let metrics = Metrics(
      epoch: position.epoch, step: position.step, seconds: position.seconds,
      learningRate: options.learningRate * options.schedule.factor(at: progress, of: Double(options.epochs)),
      trainingLoss: position.lossSum / images, trainingTop1: 100 * Double(position.correct) / images,
      validation: validation, strength: position.controller?.strength, predictedSize: position.controller?.size,
      layers: layers)
    (position.lossSum, position.correct, position.images) = (0, 0, 0)
    position.metricsLength = try folder.append(metrics)
    try keepIfBest(network, validation)
    try save(state)
    observe(.evaluated(metrics))
    if position.epoch > 1 || options.schedule.warmup < 1 {
      let classes = description.classNames.count
      warn([Alarm.guessing(top1: metrics.trainingTop1, classes: classes, epoch: position.epoch)].compactMap(\.self))
    }
  }

  /// The epoch's last step may have been the one that made weights NaN; they must not replace the good ones.
  private func finiteLayers(of network: Network, _ validation: Accuracy?) throws -> [Metrics.LayerMetrics] {
    do {
      let layers = try network.layerMetrics(energy: options.energy, options.energyMeasure)
      let isFinite = layers.allSatisfy { layer in
        layer.energy.isFinite && layer.singularValues.allSatisfy(\.isFinite)
      }
      guard isFinite, validation?.loss.isFinite ?? true else { throw divergence(at: position.step) }
      return layers
    } catch is TorchError {
      throw divergence(at: position.step)
    }
  }

  private mutating func proximalStep(_ state: inout TrainingState, _ regularization: Regularization) throws {
    guard !options.regularizer.isNone, position.pendingStep > 0 else { return }
    let step: ProximalStep
    do {
      step = try state.proximalStep(regularization, t: position.pendingStep)
    } catch is TorchError {
      throw divergence(at: position.step)
    }
    position.pendingStep = 0
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

  private mutating func keepIfBest(_ network: Network, _ validation: Accuracy?) throws {
    // A network that is trained for compression gets better at it until the end: its last is its best.
    let isOrdinary = options.regularizer.isNone && options.compaction == nil
    let score = isOrdinary ? validation?.top1 ?? Double(position.epoch) : Double(position.epoch)
    guard score > position.bestTop1 ?? -1 else { return }
    position.bestTop1 = score
    try model(network, validation).write(to: folder.best)
  }

  func save(_ state: borrowing TrainingState) throws {
    let network = state.snapshot()
    // A step with a finite loss can still have made weights that are not.
    guard network.brokenParameter == nil else {
      throw divergence(at: position.step)
    }
    try model(network, nil).write(to: folder.last)
    try Checkpoint(parameters: network.parameters, memory: state.memory, position: position)
      .write(to: folder.optimizer)
  }

  func model(_ network: Network, _ validation: Accuracy?) -> Model {
    var model = description
    model.network = network
    model.figures["epoch"] = Double(position.epoch)
    model.figures["validationTop1"] = validation?.top1
    return model
  }

  func divergence(at step: Int) -> TrainingInterruption {
    let kept =
      FileManager.default.fileExists(atPath: folder.last.path)
      ? "the last good checkpoint is kept in \(folder.last.lastPathComponent)" : "no checkpoint had been written yet"
    return .diverged(step: step, kept: kept)
  }
}

extension ContinuousClock.Instant {
  /// Seconds since this instant.
  var elapsed: Double {
    let elapsed = duration(to: .now)
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  /// Seconds since this instant, which moves to now.
  fileprivate mutating func lap() -> Double {
    defer { self = .now }
    return elapsed
  }
}
