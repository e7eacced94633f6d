import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// The exponential moving average of the weights.
struct WeightAverageTests {
  private let folder: TemporaryFolder
  private let data = drawnData()

  init() throws { folder = try TemporaryFolder() }

  private func averaging(epochs: Int = 3, ema: Double? = 0.9) -> TrainingOptions {
    var options = options(epochs: epochs)
    options.ema = ema
    return options
  }

  private func trainer(
    _ options: TrainingOptions, _ name: String = "run", on data: Dataset? = nil
  ) throws -> Trainer {
    try folder.trainer(options, smallNetwork(), data ?? self.data, name)
  }

  private func parameters(_ network: Network) -> [String: [Double]] { network.parameters.mapValues(\.doubles) }

  @Test(arguments: [0.25, 0.999]) func `after every step the average is the formula's, running statistics too`(
    decay: Double
  ) throws {
    var state = try TrainingState(smallNetwork())
    var expected = parameters(state.snapshot())
    let loader = BatchLoader(data.train, .training(data, batchSize: 16, seed: 0, epoch: 0))
    for step in 1...5 {
      let batch = try #require(try loader.next())
      _ = state.step(batch, averaging(ema: decay), rate: 0.05, generator: nil)
      let d = min(decay, Double(1 + step) / Double(10 + step))
      expected.merge(parameters(state.snapshot())) { zip($0, $1).map { d * $0 + (1 - d) * $1 } }
      let average = state.average
      let found = parameters(try #require(average))
      for (name, values) in expected {
        let scale = max(1, values.map(abs).max() ?? 0)
        let difference = zip(values, try #require(found[name])).map { abs($0 - $1) }.max() ?? 0
        #expect(difference <= 1e-6 * scale, "\(name) after step \(step)")
      }
    }
    // Early on the warm-up decides, later the decay.
    #expect(WeightAverage.decay(decay, after: 1) == 2.0 / 11)
    #expect(WeightAverage.decay(decay, after: 1_000_000) == decay)
  }

  @Test func `the average is validated, kept and returned, and the steps do not depend on it`() throws {
    let data = try data.holdingOut(0.2, seed: 1)
    var plain = try trainer(averaging(epochs: 1, ema: nil), "plain", on: data)
    let weights = elements(try plain.train(resume: false))
    var trainer = try trainer(averaging(epochs: 1), on: data)
    var validation: Accuracy?
    trainer.observe = { if case .evaluated(let metrics) = $0 { validation = metrics.validation } }
    let result = try trainer.train(resume: false)
    #expect(elements(result) != weights)
    for file in [trainer.folder.best, trainer.folder.last] {
      #expect(elements(try Model(contentsOf: file).network) == elements(result))
    }
    let heldOut = try #require(data.validation)
    #expect(try result.accuracy(on: heldOut, of: data) == validation)
    let checkpoint = try Checkpoint(contentsOf: trainer.folder.optimizer)
    var network = result
    network.parameters = checkpoint.parameters
    #expect(elements(network) == weights)
    network.parameters = checkpoint.memory.averages
    #expect(elements(network) == elements(result))
  }

  @Test(arguments: [3, 10, 17], TrainingOptions.Optimizer.allCases)
  func `a training that is stopped and resumed ends with the average of an uninterrupted one`(
    step: Int, optimizer: TrainingOptions.Optimizer
  ) throws {
    var options = averaging()
    options.optimizer = optimizer
    if optimizer == .adamw { options.learningRate = 0.005 }
    var whole = try trainer(options)
    let expected = elements(try whole.train(resume: false))
    #expect(elements(try stoppedAndResumed(after: step, options, smallNetwork(), data, in: folder)) == expected)
  }

  @Test func `a training that is resumed without an average gives its weights`() throws {
    var first = try trainer(averaging(epochs: 1))
    _ = try first.train(resume: false)
    var second = try trainer(averaging(epochs: 2, ema: nil))
    var plain = try trainer(averaging(epochs: 2, ema: nil), "plain")
    #expect(elements(try second.train(resume: true)) == elements(try plain.train(resume: false)))
    #expect(try Checkpoint(contentsOf: second.folder.optimizer).memory.averages.isEmpty)
  }

  @Test func `a return to the last good state restores the average`() throws {
    // The rate grows over four epochs and is too high from the third on.
    var options = averaging(epochs: 12)
    (options.momentum, options.nesterov, options.weightDecay) = (0.9, false, 3.8 / options.learningRate)
    (options.optimizer, options.schedule) = (.adamw, Schedule(.constant, warmup: 4))
    var trainer = try trainer(options)
    let result = try trainer.train(resume: false)
    let backOff = try #require(trainer.backOffs.first)
    try #require(backOff.doneEpochs >= 1, "\(backOff)")
    #expect(result.brokenParameter == nil)
    let memory = try Checkpoint(contentsOf: trainer.folder.optimizer).memory
    #expect(memory.averagedSteps == 120 && memory.steps == 120)
    #expect(elements(try stoppedAndResumed(after: 60, options, smallNetwork(), data, in: folder)) == elements(result))
  }

  @Test func `a compaction compresses the average, and the average of the smaller network begins anew`() throws {
    var options = averaging(epochs: 3)
    options.compaction = TrainingCompaction(after: [1], PlanSettings(target: .energy(0.8)))
    var trainer = try trainer(options)
    let expected = elements(try trainer.train(resume: false))
    #expect(try Checkpoint(contentsOf: trainer.folder.optimizer).memory.averagedSteps == 20)
    for step in [9, 11, 25] {
      #expect(elements(try stoppedAndResumed(after: step, options, smallNetwork(), data, in: folder)) == expected)
    }
    options.epochs = 1
    var last = try self.trainer(options, "last")
    let result = elements(try last.train(resume: false))
    options.compaction = nil
    var uncut = try self.trainer(options, "uncut")
    let compressor = Compressor(PlanSettings(target: .energy(0.8), whole: try smallNetwork().cost()))
    let compact = try compressor.compact(try uncut.train(resume: false)).network
    let renewed = try compact.recalibrated(on: data, seed: options.seed)
    #expect(result == elements(compact) || result == elements(renewed))
  }

  @Test func `a training with a regulariser keeps no average`() throws {
    let networks = try [nil, 0.9].map { ema in
      var options = averaging(epochs: 1, ema: ema)
      options.regularizer = Regularizer(nuclear: 0.1, group: 0.1, frequency: .steps(3))
      var trainer = try trainer(options, "ema-\(ema ?? 0)")
      return elements(try trainer.train(resume: false))
    }
    #expect(networks[0] == networks[1])
  }
}
