import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// Trainings that diverge for certain, on any processor: a step of gradient descent multiplies a weight with
/// 1 − rate · decay, so that it grows without end where rate · decay is above 2 and not where it is below.
struct BackingOffTests {
  private let folder: TemporaryFolder
  private let data = drawnData()

  init() throws { folder = try TemporaryFolder() }

  private func diverging(_ rateTimesDecay: Double, epochs: Int = 14, rate: Double = 0.05) -> TrainingOptions {
    var options = options(epochs: epochs, rate: rate)
    (options.momentum, options.nesterov, options.weightDecay) = (0, false, rateTimesDecay / rate)
    return options
  }

  private func trainer(
    _ options: TrainingOptions, _ name: String = "run", from start: Network? = nil
  ) throws -> Trainer {
    try folder.trainer(options, start ?? smallNetwork(), data, name)
  }

  private func metrics(_ run: RunFolder) throws -> [Metrics] {
    try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").map {
      try Metrics(json: Data($0.utf8))
    }
  }

  @Test(arguments: [(3.6, 1), (7, 2), (14, 3)])
  func `a training that diverges goes on from a good state at half the rate, as often as it takes up to three times`(
    rateTimesDecay: Double, times: Int
  ) throws {
    var trainer = try trainer(diverging(rateTimesDecay))
    var told: [BackOff] = []
    trainer.observe = { if case .backedOff(let backOff) = $0 { told.append(backOff) } }
    let network = try trainer.train(resume: false)
    #expect(network.brokenParameter == nil)
    #expect(told.map(\.number) == Array(1...times))
    #expect(told.map(\.learningRate) == (1...times).map { 0.05 * pow(0.5, Double($0)) })
    #expect(trainer.backOffs == told)
    let lines = try metrics(trainer.folder)
    #expect(lines.map(\.epoch) == Array(1...14))
    // What exploded without being infinite yet is no state to go on from.
    #expect(lines.allSatisfy { $0.trainingLoss < 1000 }, "\(lines.map(\.trainingLoss))")
    #expect(lines.flatMap { $0.backOffs ?? [] } == told)
    #expect(lines.last?.learningRate == told.last?.learningRate)
    let first = try #require(told.first)
    #expect("\(first)".hasPrefix("the loss became NaN or infinite in epoch \(first.epoch); going on from the "))
    #expect("\(first)".hasSuffix("with half the rate, 0.025 (1 of 3)"))
  }

  @Test func `after three times the training ends, and its folder holds the last good state`() throws {
    var calm = try trainer(options(epochs: 2))
    let before = elements(try calm.train(resume: false))
    var wild = diverging(1000, rate: 0.5)
    wild.momentum = 0.9
    var trainer = try trainer(wild)
    // Amid an epoch what is saved is finite, but about to explode.
    trainer.checkpointInterval = 0
    let text = sentence { _ = try trainer.train(resume: true) }
    #expect(text.hasPrefix("the loss became NaN or infinite at step "))
    #expect(
      text.hasSuffix(
        "with 1/8 of the rate too; the last good checkpoint is kept in last.safetensors; lower `lr`"), "\(text)")
    #expect(elements(try Model(contentsOf: trainer.folder.last).network) == before)
    #expect(try metrics(trainer.folder).map(\.epoch) == [1, 2])
    // Another rate is taken as it is.
    var lower = try self.trainer(options(epochs: 3))
    _ = try lower.train(resume: true)
    #expect(try metrics(lower.folder).last?.learningRate == 0.05)
  }

  @Test(arguments: [3, 10, 24, 41, 60, 83, 97, 110])
  func `a training that is stopped or killed around a return ends where an uninterrupted one does`(step: Int) throws {
    // The rate grows over four epochs and is too high from the third on; AdamW keeps the network alive under such a
    // decay.
    var options = diverging(3.8, epochs: 12)
    options.optimizer = .adamw
    options.schedule = Schedule(.constant, warmup: 4)
    options.regularizer = Regularizer(nuclear: 0.001, group: 0.001, groupNorm: .scale, frequency: .steps(3))
    options.sizeTarget = SizeTarget(Target.Fractions(parameters: 0.5), energy: 0.9)
    options.compaction = TrainingCompaction(after: [1], PlanSettings(target: .energy(0.95)))
    var whole = try trainer(options, "whole")
    let expected = elements(try whole.train(resume: false))
    let lines = try metrics(whole.folder).map(timeless)
    let backOff = try #require(whole.backOffs.first)
    try #require(backOff.doneEpochs >= 1 && backOff.epoch > backOff.doneEpochs + 1, "\(backOff)")
    for isKilled in [false, true] {
      let name = isKilled ? "killed" : "stopped"
      var first = try trainer(options, name)
      var (steps, left) = (0, name)
      first.checkpointInterval = isKilled ? 0 : 300
      if isKilled {
        // What a kill leaves is what lies there at that moment.
        first.observe = { [folder] event in
          guard case .step = event else { return }
          steps += 1
          guard steps == step else { return }
          left = "left"
          try? FileManager.default.copyItem(
            at: folder.url.appending(path: name), to: folder.url.appending(path: left))
        }
        _ = try first.train(resume: false)
      } else {
        first.shouldStop = {
          steps += 1
          return steps == step
        }
        #expect(throws: TrainingInterruption.self) { _ = try first.train(resume: false) }
      }
      var resumed = try trainer(options, left)
      #expect(elements(try resumed.train(resume: true)) == expected, "\(name)")
      #expect(try metrics(resumed.folder).map(timeless) == lines, "\(name)")
      #expect(resumed.backOffs == whole.backOffs)
      #expect(!FileManager.default.fileExists(atPath: resumed.folder.good.path))
    }
  }

  @Test func `a network that exploded before it was to be made smaller goes back too`() throws {
    var options = diverging(14, epochs: 4)
    options.optimizer = .adamw
    options.compaction = TrainingCompaction(after: [1], PlanSettings(target: .energy(0.95)))
    var trainer = try trainer(options)
    var sizes: [Int] = []
    trainer.observe = { if case .compacted(_, let plan) = $0 { sizes.append(plan.predicted.parameters) } }
    let network = try trainer.train(resume: false)
    #expect(!trainer.backOffs.isEmpty)
    #expect(try network.cost().parameters == sizes.last)
  }

  private func timeless(_ metrics: Metrics) -> Metrics {
    var metrics = metrics
    metrics.seconds = 0
    return metrics
  }

  @Test func `weights that are no numbers from the start are refused by name, and no rate is tried`() throws {
    var network = try smallNetwork()
    network.parameters["linear.bias"] = Tensor([Float.nan, 0, 0, 0], shape: [4])
    var trainer = try trainer(options(), from: network)
    var events = 0
    trainer.observe = { _ in events += 1 }
    let text = sentence { _ = try trainer.train(resume: false) }
    #expect(text == "training cannot start from these weights: linear.bias holds numbers that are not finite")
    #expect(events == 0)
  }

  @Test func `a loss that is no number before any weight has moved is not blamed on the rate`() throws {
    var network = try smallNetwork()
    network.parameters["linear.weight"] = network.parameters["linear.weight"].map { $0 * 0 + 3e38 }
    var trainer = try trainer(options(), from: network)
    let text = sentence { _ = try trainer.train(resume: false) }
    #expect(
      text.hasPrefix("the loss is NaN or infinite at step 1, where no rate has moved a weight yet; no checkpoint"))
    #expect(trainer.backOffs.isEmpty)
  }

  @Test func `a training that forgets all it knew goes on from where it knew it`() throws {
    let data = drawnData(training: 1600)
    var learning = Trainer(options(epochs: 2), data, try model(smallNetwork(), of: data), in: RunFolder(folder.url))
    let start = try learning.train(resume: false)
    let top1 = try start.accuracy(on: data.test, of: data).top1 ?? 0
    try #require(top1 > 80)
    // Every step takes the weights to zero; at half the rate it halves them, which after four changes few images'
    // class.
    var wild = diverging(1, epochs: 1, rate: 1e-6)
    wild.batchSize = 400
    var trainer = Trainer(
      wild, data, model(start, of: data),
      in: RunFolder(folder.url.appending(path: "run")))
    try trainer.folder.create()
    trainer.startingTop1 = top1
    _ = try trainer.train(resume: false)
    let backOff = try #require(trainer.backOffs.first)
    #expect(trainer.backOffs.count == 1)
    #expect(
      "\(backOff)" == "epoch 1 ended at chance accuracy; going on from the start with half the rate, 5e-07 (1 of 3)")
  }

  /// A regulariser under which a trained network falls to guessing in a few epochs.
  private func collapsing(epochs: Int) -> TrainingOptions {
    let growing = Regularizer(nuclear: 6, group: 6, frequency: .steps(1), restoresNorm: false, warmup: 4)
    return options(epochs: epochs, rate: 0.02, regularizer: growing)
  }

  @Test func `a network that collapses under its regulariser goes on from a good state at half the strength`() throws {
    let data = drawnData(training: 480)
    var learning = try folder.trainer(options(epochs: 2), smallNetwork(), data, "start")
    let start = try learning.train(resume: false)
    let top1 = try start.accuracy(on: data.test, of: data).top1 ?? 0
    func collapsingTrainer(_ name: String) throws -> Trainer {
      var trainer = try folder.trainer(collapsing(epochs: 8), start, data, name)
      trainer.startingTop1 = top1
      return trainer
    }
    var whole = try collapsingTrainer("whole")
    let expected = elements(try whole.train(resume: false))
    let backOffs = whole.backOffs
    let first = try #require(backOffs.first)
    #expect(backOffs.allSatisfy { $0.cause == .collapsed && $0.learningRate == 0.02 })
    #expect(backOffs.map(\.strength) == backOffs.indices.map { pow(0.5, Double($0 + 1)) })
    #expect("\(first)".hasPrefix("epoch \(first.epoch) ended at chance accuracy under the regulariser; going on from "))
    #expect("\(first)".hasSuffix("with half its strength, 0.5 of what it was (1 of 3)"))
    // A training that is stopped after the first return goes on as if it had not been.
    var stopped = try collapsingTrainer("stopped")
    var steps = 0
    stopped.shouldStop = {
      steps += 1
      return steps == first.step + 2
    }
    #expect(throws: TrainingInterruption.self) { _ = try stopped.train(resume: false) }
    var resumed = try collapsingTrainer("stopped")
    #expect(elements(try resumed.train(resume: true)) == expected)
    #expect(resumed.backOffs == backOffs)
  }

  @Test func `guessing is a fall only where training and held-out images show it, after much more was reached`() {
    func isGuessing(reached: Double?, late: Int, of images: Int = 100, validation: Double?) -> Bool {
      var steadiness = Steadiness(reached: reached)
      steadiness.add(images: images, correct: late)
      return steadiness.isGuessing(
        validation.map { Accuracy(top1: $0, loss: 2, images: 100) }, classes: 10)
    }
    #expect(isGuessing(reached: 80, late: 11, validation: 9))
    #expect(isGuessing(reached: 80, late: 11, validation: nil))
    // Running statistics that lag behind.
    #expect(!isGuessing(reached: 80, late: 70, validation: 10))
    // A network that has not learnt yet, or of which nothing is known.
    #expect(!isGuessing(reached: 30, late: 11, validation: 9))
    #expect(!isGuessing(reached: nil, late: 11, validation: 9))
    // Too few images to tell.
    #expect(!isGuessing(reached: 80, late: 2, of: 20, validation: 9))
  }
}
