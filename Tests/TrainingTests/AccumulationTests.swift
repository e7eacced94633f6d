import Compaction
import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// Optimiser steps by the gradients of several batches.
struct AccumulationTests {
  private let folder: TemporaryFolder
  private let data = drawnData()

  init() throws { folder = try TemporaryFolder() }

  /// Without batch norm, which normalises every batch by itself.
  private func plainNetwork() throws -> Network {
    var net = NetworkBuilder(input: [1, 16, 16], seed: 0)
    var x = try net.relu(net.convolution(net.input, "conv", units: 8, kernel: [3, 3], padding: [1, 1]))
    x = try net.maxPool(x, 2)
    return try net.finish(net.linear(net.flatten(x), "linear", units: 4))
  }

  private func trainer(
    _ options: TrainingOptions, _ name: String, from network: Network? = nil, on data: Dataset? = nil
  ) throws -> Trainer {
    try folder.trainer(options, network ?? plainNetwork(), data ?? self.data, name)
  }

  private func accumulating(
    _ batches: Int, of size: Int, epochs: Int = 2, _ optimizer: TrainingOptions.Optimizer = .sgd
  ) -> TrainingOptions {
    var options = options(epochs: epochs, batchSize: size, rate: optimizer == .sgd ? 0.02 : 0.002)
    (options.accumulate, options.optimizer) = (batches, optimizer)
    return options
  }

  /// 160 images make ten batches of 16: the last group of four has two; 150 end with a batch of 6 images in a group.
  @Test(arguments: [160, 150], TrainingOptions.Optimizer.allCases)
  func `a step by several batches is that of one batch of them all, at the end of an epoch too`(
    images: Int, optimizer: TrainingOptions.Optimizer
  ) throws {
    let data = drawnData(training: images)
    var small = accumulating(4, of: 16, optimizer)
    small.clipNorm = 0.5
    var large = accumulating(1, of: 64, optimizer)
    large.clipNorm = 0.5
    var (accumulated, whole) = (
      try trainer(small, "accumulated", on: data), try trainer(large, "whole", on: data)
    )
    let (found, expected) = (try accumulated.train(resume: false), try whole.train(resume: false))
    for name in expected.parameterNames {
      let (mine, theirs) = (try #require(found.parameters[name]), try #require(expected.parameters[name]))
      #expect((mine - theirs).maximumMagnitude <= 1e-5 * max(1, theirs.maximumMagnitude), "\(name)")
    }
    #expect(accumulated.position.step == whole.position.step)
    #expect(whole.position.step == 6)
  }

  @Test func `the schedule and the proximal steps go by optimiser steps`() throws {
    func options(_ batches: Int, of size: Int) -> TrainingOptions {
      var options = accumulating(batches, of: size, epochs: 3)
      options.schedule = Schedule(.cosine, warmup: 1)
      options.regularizer = Regularizer(nuclear: 0.05, group: 0.05, frequency: .steps(2), skip: [])
      return options
    }
    let data = drawnData(training: 192)
    var (accumulated, whole) = (
      try trainer(options(3, of: 16), "accumulated", on: data), try trainer(options(1, of: 48), "whole", on: data)
    )
    let (found, expected) = (try accumulated.train(resume: false), try whole.train(resume: false))
    for name in expected.parameterNames {
      let (mine, theirs) = (try #require(found.parameters[name]), try #require(expected.parameters[name]))
      #expect((mine - theirs).maximumMagnitude <= 1e-4 * max(1, theirs.maximumMagnitude), "\(name)")
    }
  }

  @Test(arguments: [1, 2, 4, 8]) func `a training stops at optimiser steps, and ends where an uninterrupted one does`(
    step: Int
  ) throws {
    // Ten batches an epoch are three steps of four, four and two.
    var options = accumulating(4, of: 16, epochs: 3)
    options.ema = 0.9
    var whole = try trainer(options, "whole", from: smallNetwork())
    let expected = elements(try whole.train(resume: false))
    #expect(whole.position.step == 9)
    #expect(elements(try stoppedAndResumed(after: step, options, smallNetwork(), data, in: folder)) == expected)
    let stopped = RunFolder(folder.url.appending(path: "stopped-\(step)"))
    #expect(try Checkpoint(contentsOf: stopped.optimizer).memory.steps == 9)
  }

  @Test func `a loss that is not finite amid a group goes back, and no gradient of the group is left`() throws {
    var options = accumulating(4, of: 16, epochs: 12)
    // The weights grow until the loss is infinite; at a half of the rate they do not.
    (options.momentum, options.nesterov, options.weightDecay) = (0, false, 3.6 / options.learningRate)
    options.epochs = 40
    var trainer = try trainer(options, "run")
    let network = try trainer.train(resume: false)
    #expect(network.brokenParameter == nil)
    #expect(trainer.backOffs.count == 1)
  }
}
