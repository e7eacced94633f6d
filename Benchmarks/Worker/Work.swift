import Architectures
import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Torch
import Training

/// The work of one run, everything that is not to be timed done before.
struct Work {
  let run: () throws -> Void

  /// - Throws: `BenchmarkError` when the request does not make sense, `DatasetError` when there are no such images.
  init(_ task: Task) throws {
    Library.setThreads(task.threads)
    Library.keepFreedMemory()
    if let work = try Self.growing(task) ?? Self.forward(task) {
      run = work
      return
    }
    let learner = try Learner(task)
    switch task.task {
    case .plan, .planOverLayers, .load: throw BenchmarkError("\(task.task.rawValue) needs size")
    case .proximalStep: run = { try learner.regularize(after: 1) }
    case .forward: throw BenchmarkError("forward needs file and steps")
    case .trainStep, .regularizedStep:
      guard let steps = task.steps else { throw BenchmarkError("\(task.task.rawValue) needs steps") }
      let batch = try Images.fixedBatch(task.batch, size: task.image ?? Images.size)
      run = { try learner.steps(steps, on: batch, regularizedEvery: task.every) }
    case .epoch:
      guard let count = task.images, let source = task.source else {
        throw BenchmarkError("epoch needs images and source")
      }
      switch source {
      case .fixed:
        let batch = try Images.fixedBatch(task.batch)
        run = { try learner.steps(count / task.batch, on: batch) }
      case .memory:
        let data = try Images.dataset(count, from: task.data)
        run = { try learner.epoch(of: data) }
      }
    }
  }

  private static func growing(_ task: Task) throws -> (() throws -> Void)? {
    guard let size = task.size else { return nil }
    return switch task.task {
    case .proximalStep: try Growth.proximalStep(size)
    case .plan: try Growth.plan(size, .uniform)
    case .planOverLayers: try Growth.plan(size, .global)
    case .load: try Growth.load(size)
    case .trainStep, .regularizedStep, .epoch, .forward: nil
    }
  }

  /// Forward passes of a stored network over one batch, as `thresh evaluate` makes them.
  private static func forward(_ task: Task) throws -> (() throws -> Void)? {
    guard task.task == .forward, let file = task.file, let steps = task.steps else { return nil }
    let network = try Model(contentsOf: URL(filePath: file)).network
    let program = try Program(network, .inference(batch: task.batch))
    let images = Tensor.normal([task.batch] + network.inputShape, using: Generator(seed: 0)).channelsLast
    return {
      for _ in 0..<steps { _ = program(images) }
    }
  }
}

/// A network in training, driven as `Trainer` drives it: the same state, loader, options and proximal step.
final class Learner {
  private var state: TrainingState
  private let options: TrainingOptions
  private let regularization: Regularization
  private var stepsMade = 0
  private var epochsMade = 0

  init(_ task: Task) throws {
    guard let device = Device(task.device ?? "cpu"), Device.available.contains(device) else {
      throw BenchmarkError("there is no device \(task.device ?? ""); there is \(Device.available)")
    }
    let network = try Self.network(task)
    var recipe = Recipe()
    recipe.training.lr = 0.01
    recipe.training.batchSize = task.batch
    recipe.machine.precision = task.precision
    // The default strengths of a training on 50,000 images.
    options =
      Defaults.resolve(
        recipe, for: Defaults.Context(origin: .random, images: 50_000, trains: true)
      ).trainingOptions
    regularization = try Regularization(options.regularizer, on: network)
    state = try TrainingState(network, on: device)
  }

  private static func network(_ task: Task) throws -> Network {
    if let file = task.file { return try Model(contentsOf: URL(filePath: file)).network }
    guard let architecture = Catalogue(rawValue: task.model) else {
      throw BenchmarkError("there is no architecture \(task.model)")
    }
    let size = task.image ?? Images.size
    return try architecture.network(input: [3, size, size], classes: Images.classes, seed: 0)
  }

  func steps(_ count: Int, on batch: Batch, regularizedEvery every: Int? = nil) throws {
    for step in 1...max(1, count) {
      try self.step(on: batch)
      if let every, step % every == 0 { try regularize(after: every) }
    }
  }

  func epoch(of data: Dataset) throws {
    var how = BatchLoader.Options.training(data, batchSize: options.batchSize, seed: 0, epoch: epochsMade)
    how.dropsLast = true
    let loader = BatchLoader(data.train, how)
    while let batch = try loader.next() { try step(on: batch) }
    epochsMade += 1
  }

  private func step(on batch: Batch) throws {
    let generator = Generator(seed: UInt64(stepsMade))
    let (loss, _) = state.step(batch, options, rate: options.learningRate, generator: generator)
    guard loss.isFinite else { throw BenchmarkError("the loss became NaN or infinite at step \(stepsMade)") }
    stepsMade += 1
  }

  func regularize(after steps: Int) throws {
    let t = Double(steps) * options.learningRate / (1 - options.momentum)
    _ = try state.proximalStep(regularization, t: t).alarms(energy: options.energy, options.energyMeasure)
  }
}
