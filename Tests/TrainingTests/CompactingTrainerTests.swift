import Compaction
import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// Networks that are made smaller while they train.
struct CompactingTrainerTests {
  private let folder: TemporaryFolder
  private let data = drawnData()

  init() throws { folder = try TemporaryFolder() }

  private func compacting(
    _ epochs: [Int], of count: Int = 4, energy: Double = 0.9, momentum: TrainingCompaction.Momentum = .carry
  ) -> TrainingOptions {
    var options = options(
      epochs: count, regularizer: Regularizer(nuclear: 0.1, group: 0.05, groupNorm: .scale, frequency: .steps(3)))
    options.compaction = TrainingCompaction(after: epochs, PlanSettings(target: .energy(energy)), momentum: momentum)
    return options
  }

  private func trainer(_ options: TrainingOptions, _ name: String) throws -> Trainer {
    try folder.trainer(options, smallNetwork(), data, name)
  }

  @Test func `a network that is made smaller on the way goes on learning, and its ranks go on falling`() throws {
    var trainer = try trainer(compacting([1], of: 5), "run")
    var ranks: [Int] = []
    trainer.observe = { event in
      if case .evaluated(let metrics) = event { ranks.append(metrics.layers[1].plannedRank) }
    }
    let network = try trainer.train(resume: false)
    #expect(network.matrixLayers.contains { $0.isFactorized })
    #expect(try network.cost().parameters < smallNetwork().cost().parameters)
    #expect(try (network.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
    #expect(try #require(ranks.last) < ranks[1], "\(ranks)")
  }

  @Test func `each compaction starts from what the one before left`() throws {
    var trainer = try trainer(compacting([1, 3, 4]), "run")
    var sizes: [Int] = []
    trainer.observe = { event in
      if case .compacted(_, let plan) = event { sizes += [plan.original.parameters, plan.predicted.parameters] }
    }
    let network = try trainer.train(resume: false)
    #expect(sizes.count == 6)
    #expect(sizes[2] == sizes[1] && sizes[4] == sizes[3])
    #expect(try network.cost().parameters == sizes[5])
  }

  @Test(
    arguments: [(9, false), (11, false), (25, false), (11, true), (14, true)], TrainingOptions.Optimizer.allCases)
  func `a training that is stopped around a compaction ends where an uninterrupted one does`(
    at: (step: Int, toSize: Bool), optimizer: TrainingOptions.Optimizer
  ) throws {
    let (step, toSize) = at
    // Ten steps an epoch: stopped before, right after and long after the network is made smaller. To a size a look at
    // activations and each plan are steps too: stopped while it is planned.
    var options = compacting([1])
    options.optimizer = optimizer
    if optimizer == .adamw { options.learningRate = 0.005 }
    if toSize {
      let settings = PlanSettings(target: .macs(0.5), units: .weakest, allocator: .global)
      options.compaction = TrainingCompaction(after: [1], settings, activationImages: 32)
    }
    var whole = try trainer(options, "whole")
    let expected = elements(try whole.train(resume: false))
    var stopped = try trainer(options, "stopped")
    var steps = 0
    stopped.shouldStop = {
      steps += 1
      return steps == step
    }
    #expect(throws: TrainingInterruption.self) { _ = try stopped.train(resume: false) }
    var resumed = try trainer(options, "stopped")
    #expect(elements(try resumed.train(resume: true)) == expected)
  }

  @Test(arguments: Decomposition.allCases)
  func `factors of any decomposition are trained, and a training of them can be stopped`(
    decomposition: Decomposition
  ) throws {
    let given = try smallNetwork()
    let layer = given.layer(named: "conv1")
    let factors = try Factorization(given.matrix(of: layer), as: decomposition, shape: layer.shape, rank: 6)
    let network = try given.factorizing(layer, factors)
    let options = options(
      epochs: 2, regularizer: Regularizer(nuclear: 0.1, group: 0.05, groupNorm: .scale, frequency: .steps(3)))
    var whole = try folder.trainer(options, network, data, "whole")
    let trained = try whole.train(resume: false)
    #expect(trained.layer(named: "conv1").decomposition == decomposition)
    for name in network.layer(named: "conv1").weights {
      let (before, after) = (try #require(network.parameters[name]), try #require(trained.parameters[name]))
      #expect((after - before).norm > 1e-3 * before.norm)
    }
    let end = try stoppedAndResumed(after: 13, options, network, data, in: folder)
    #expect(elements(end) == elements(trained))
  }

  @Test func `what was made smaller goes on as the network it was, with its images`() throws {
    var first = try trainer(compacting([1], of: 2), "run")
    _ = try first.train(resume: false)
    let run = first.folder
    var other = Trainer(
      compacting([1], of: 3), data,
      try model(.dec3(input: [1, 8, 8], classes: 4, units: [2, 3, 4], seed: 1), of: data), in: run)
    var hasStarted = false
    other.willStart = { hasStarted = true }
    #expect(sentence { _ = try other.train(resume: true) }.contains("another network or on other images"))
    #expect(!hasStarted)
  }

  @Test func `momenta that are carried make another training than momenta that are reset`() throws {
    let networks = try [TrainingCompaction.Momentum.carry, .reset].map { momentum in
      var trainer = try trainer(compacting([2], of: 3, momentum: momentum), momentum.rawValue)
      return elements(try trainer.train(resume: false))
    }
    #expect(networks[0] != networks[1])
  }

  @Test func `a compaction after the last epoch keeps the better of old and new statistics`() throws {
    var options = compacting([3], of: 3, energy: 0.5)
    var whole = try trainer(options, "run")
    let result = try whole.train(resume: false).accuracy(on: data.selection, of: data)
    let compressor = try #require(options.compaction).compressor(after: 3, whole: try smallNetwork().cost())
    options.compaction = nil
    var uncut = try trainer(options, "uncut")
    let compact = try compressor.compact(try uncut.train(resume: false)).network
    let raw = try compact.accuracy(on: data.selection, of: data)
    let renewed = try compact.recalibrated(on: data, seed: options.seed).accuracy(on: data.selection, of: data)
    #expect(result == (renewed.isBetter(than: raw) ? renewed : raw))
    #expect(renewed != raw)
  }

  @Test(arguments: [Basis.weights, .activations])
  func `to a size the network goes by equal factors, and has reached it in the end`(basis: Basis) throws {
    var options = options(epochs: 4, regularizer: .none)
    options.compaction = TrainingCompaction(
      after: [3, 1, 3], PlanSettings(target: .macs(0.36), units: .weakest, allocator: .global, decompositions: .any),
      activationImages: basis == .activations ? 64 : 0)
    var trainer = try trainer(options, "run")
    let whole = Double(try smallNetwork().cost().macs)
    var shares: [Double] = []
    trainer.observe = { event in
      if case .compacted(_, let plan) = event { shares.append(Double(plan.predicted.macs) / whole) }
    }
    let network = try trainer.train(resume: false)
    #expect(shares.count == 2)
    #expect((0.4...0.6).contains(shares[0]), "\(shares)")
    #expect((0.2...0.36).contains(shares[1]), "\(shares)")
    #expect(Double(try network.cost().macs) / whole == shares[1])
  }

  @Test func `to a part of its time the network goes by equal factors of what it takes then`() throws {
    var options = options(epochs: 3, regularizer: .none)
    options.compaction = TrainingCompaction(
      after: [1, 2], PlanSettings(target: .time(0.49), units: .weakest, decompositions: .any))
    var trainer = try trainer(options, "run")
    let conditions = TimingConditions(batchSize: 8, threads: 1)
    trainer.layerClock = LayerClock(conditions) { _, instructions in
      var times = LayerTimes(conditions)
      for instruction in instructions { times[instruction] = Double(instruction.macs) / 1e6 }
      return times
    }
    var shares: [Double] = []
    trainer.observe = { event in
      guard case .compacted(_, let plan) = event, let time = plan.time else { return }
      shares.append(time.predicted / time.original)
    }
    _ = try trainer.train(resume: false)
    #expect(shares.count == 2)
    #expect(shares.allSatisfy { (0.5...0.7).contains($0) }, "\(shares)")
  }

  @Test func `a size that cannot be reached is refused before the first step`() throws {
    var options = options(epochs: 2, regularizer: .none)
    options.compaction = TrainingCompaction(after: [1], PlanSettings(target: .parameters(0.0001), units: .weakest))
    var trainer = try trainer(options, "run")
    var events = 0
    trainer.observe = { _ in events += 1 }
    #expect(throws: PlanError.self) { _ = try trainer.train(resume: false) }
    #expect(events == 0)
  }

  @Test func `AdamW goes on after a compaction`() throws {
    var options = compacting([1, 2])
    (options.optimizer, options.learningRate) = (.adamw, 0.003)
    var trainer = try trainer(options, "run")
    let network = try trainer.train(resume: false)
    #expect(try (network.accuracy(on: data.test, of: data).top1 ?? 0) > 60)
  }
}
