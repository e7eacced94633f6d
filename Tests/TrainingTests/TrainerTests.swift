import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

struct TrainerTests {
  private let folder: TemporaryFolder
  private let run: RunFolder

  init() throws {
    folder = try TemporaryFolder()
    run = RunFolder(folder.url)
  }

  private func train(_ options: TrainingOptions, _ network: Network, _ data: Dataset) throws -> Network {
    var trainer = Trainer(options, data, model(network, of: data), in: run)
    return try trainer.train(resume: false)
  }

  @Test func `ordinary training learns`() throws {
    let data = drawnData()
    let network = try train(options(), smallNetwork(), data)
    #expect(try (network.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
  }

  @Test func `training in bfloat16 learns`() throws {
    let data = drawnData()
    var options = options()
    options.precision = .bfloat16
    let network = try train(options, smallNetwork(), data)
    #expect(try (network.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
    #expect(network.parameters.values.allSatisfy { $0.dtype == .float32 })
  }

  @Test(arguments: TrainingOptions.Optimizer.allCases)
  func `a training that is stopped and resumed ends where an uninterrupted one does`(
    optimizer: TrainingOptions.Optimizer
  ) throws {
    let data = drawnData()
    var options = options(
      epochs: 3, rate: optimizer == .sgd ? 0.05 : 0.005,
      regularizer: Regularizer(nuclear: 0.05, group: 0.05, groupNorm: .scale, frequency: .steps(3)))
    options.optimizer = optimizer
    options.sizeTarget = SizeTarget(Target.Fractions(parameters: 0.5), energy: 0.9)
    let whole = try train(options, smallNetwork(), data)
    let end = try stoppedAndResumed(after: 17, options, smallNetwork(), data, in: folder)
    #expect(elements(end) == elements(whole))
  }

  @Test func `a checkpoint of one optimiser is not gone on with by the other`() throws {
    let data = drawnData()
    _ = try train(options(epochs: 1), smallNetwork(), data)
    var other = options(epochs: 2)
    other.optimizer = .adamw
    var trainer = Trainer(other, data, try model(smallNetwork(), of: data), in: run)
    #expect(sentence { _ = try trainer.train(resume: true) }.contains("belongs to a training by sgd"))
  }

  @Test func `another target on resuming gets a controller of its own`() throws {
    let data = drawnData()
    var options = options(
      epochs: 1, regularizer: Regularizer(nuclear: 0.05, group: 0.05, groupNorm: .scale, frequency: .steps(3)))
    options.sizeTarget = SizeTarget(Target.Fractions(parameters: 0.5), energy: 0.9)
    _ = try train(options, smallNetwork(), data)
    options.epochs = 2
    options.sizeTarget = nil
    var trainer = Trainer(options, data, try model(smallNetwork(), of: data), in: run)
    var strengths: [Double?] = []
    trainer.observe = { event in
      if case .evaluated(let metrics) = event { strengths.append(metrics.strength) }
    }
    _ = try trainer.train(resume: true)
    #expect(strengths == [nil])
  }

  @Test func `AdamW learns`() throws {
    let data = drawnData()
    var options = options(rate: 0.003)
    options.optimizer = .adamw
    #expect(try (train(options, smallNetwork(), data).accuracy(on: data.test, of: data).top1 ?? 0) > 80)
  }

  @Test func `training for compression gives low rank and removable units, ordinary training neither`() throws {
    let data = drawnData()
    let regularizer = Regularizer(nuclear: 0.3, group: 0.3, frequency: .steps(5))
    let compressed = try train(options(epochs: 8, regularizer: regularizer), smallNetwork(), data)
      .layerMetrics(energy: 0.9, .sum)
    let ordinary = try train(options(epochs: 8), smallNetwork(), data).layerMetrics(energy: 0.9, .sum)
    for name in ["conv1", "conv2"] {
      let (mine, theirs) = (
        try #require(compressed.first { $0.name == name }), try #require(ordinary.first { $0.name == name })
      )
      #expect(theirs.rank == 24 && theirs.activeUnits == 24)
      #expect(mine.rank <= 18, "\(name): \(mine.rank)")
    }
    #expect(compressed.contains { $0.activeUnits < $0.units })
  }

  @Test func `the network that training starts from stays what it was`() throws {
    let before = try smallNetwork()
    let copy = elements(before)
    let after = try train(options(epochs: 1), before, drawnData())
    #expect(elements(before) == copy)
    #expect(elements(after) != copy)
  }

  @Test func `the same seed gives the same network, another one another`() throws {
    let data = drawnData()
    let first = try train(options(epochs: 1), smallNetwork(), data)
    let second = try train(options(epochs: 1), smallNetwork(), data)
    var other = options(epochs: 1)
    other.seed = 1
    #expect(elements(first) == elements(second))
    #expect(elements(try train(other, smallNetwork(), data)) != elements(first))
  }

  @Test func `a network that is about to collapse is told before its accuracy has fallen five points`() throws {
    let data = drawnData()
    let start = try train(options(epochs: 4), smallNetwork(), data)
    let healthy = try start.accuracy(on: data.train, of: data).top1 ?? 0
    try #require(healthy > 80)
    // It grows until every layer has rank one.
    let growing = Regularizer(nuclear: 0.6, group: 0.6, frequency: .steps(1), restoresNorm: false, warmup: 24)
    let place = try TemporaryFolder()
    var trainer = Trainer(
      options(epochs: 24, rate: 0.02, regularizer: growing), data, model(start, of: data), in: RunFolder(place.url))
    var warnings: [String] = []
    trainer.observe = { if case .warning(let text) = $0 { warnings.append(text) } }
    // Stopping at the first warning leaves the network as it is then.
    trainer.shouldStop = { !warnings.isEmpty }
    #expect(throws: TrainingInterruption.self) { _ = try trainer.train(resume: false) }
    #expect(warnings.first?.contains("about to collapse") == true, "\(warnings)")
    let warned = try Model(contentsOf: RunFolder(place.url).last).network
    // Weights that shrink from step to step leave the running statistics behind; they are measured as of now.
    let accuracy = try warned.recalibrated(on: data, seed: 0).accuracy(on: data.train, of: data).top1 ?? 0
    #expect(accuracy > healthy - 5, "\(warnings)")
  }

  @Test(arguments: [(10, 12.0, true), (10, 16, false), (2, 52, true), (2, 60, false), (1, 100, false)])
  func `guessing is told from learning, with few classes and many`(classes: Int, top1: Double, isGuessing: Bool) {
    #expect((Alarm.guessing(top1: top1, classes: classes, epoch: 1) != nil) == isGuessing)
  }

  @Test func `each warning is given once, also over a resumed run`() throws {
    let strong = Regularizer(nuclear: 2, group: 2, frequency: .steps(1))
    let data = drawnData()
    var warnings: [String] = []
    for epochs in [1, 2] {
      var trainer = Trainer(
        options(epochs: epochs, regularizer: strong), data, model(try smallNetwork(), of: data), in: run)
      trainer.observe = { if case .warning(let text) = $0 { warnings.append(text) } }
      _ = try trainer.train(resume: epochs == 2)
    }
    let layers = warnings.map { $0.split(separator: ":").dropFirst().joined() }
    #expect(!layers.isEmpty)
    #expect(Set(layers).count == layers.count, "\(warnings)")
  }

  @Test func `the best network is the one with the highest validation accuracy`() throws {
    let data = try drawnData().holdingOut(0.2, seed: 1)
    _ = try train(options(epochs: 4), smallNetwork(), data)
    let lines = try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").map {
      try Metrics(json: Data($0.utf8))
    }
    let best = try Model(contentsOf: run.best)
    #expect(best.figures["validationTop1"] == lines.compactMap { $0.validation?.top1 }.max())
    let validation = try #require(data.validation)
    #expect(try best.network.accuracy(on: validation, of: data).top1 == best.figures["validationTop1"])
  }

  @Test func `no training image is held out twice and no test image is ever selected on`() throws {
    let data = try drawnData().holdingOut(0.25, seed: 3)
    let kept = try #require(data.train as? ImageSubset)
    let held = try #require(data.validation as? ImageSubset)
    #expect(Set(kept.indices).isDisjoint(with: held.indices))
    #expect(Set(kept.indices).union(held.indices) == Set(0..<160))
    let tests = Set(try (0..<data.test.count).map { try data.test.pixels(at: $0) })
    for index in 0..<held.count { #expect(!tests.contains(try held.pixels(at: index))) }
    // Without a held-out part, selection falls back on training images.
    let whole = drawnData()
    #expect(try whole.selection.pixels(at: 0) == whole.train.pixels(at: 0))
  }

  @Test func `measuring batch norm again changes its statistics and nothing else`() throws {
    let data = drawnData()
    let network = try train(options(epochs: 1), smallNetwork(), data)
    let renewed = try network.recalibrated(on: data, seed: 0)
    let (before, after) = (elements(network), elements(renewed))
    for name in before.keys {
      #expect((before[name] == after[name]) != name.contains("running_"), "\(name)")
    }
    #expect(renewed.nodes.map(\.name) == network.nodes.map(\.name))
    let momenta = renewed.nodes.compactMap { ($0.operation as? BatchNorm)?.momentum }
    #expect(momenta == [0.1, 0.1, 0.1])
  }

  @Test func `statistics that were spoilt are found again`() throws {
    let data = drawnData()
    let network = try train(options(), smallNetwork(), data)
    var spoilt = network
    for name in network.parameterNames where name.hasSuffix("running_mean") {
      spoilt.parameters[name] = network.parameters[name].map { $0 + 5 }
    }
    let renewed = try spoilt.recalibrated(on: data, seed: 0)
    #expect(try (spoilt.accuracy(on: data.test, of: data).top1 ?? 100) < 60)
    #expect(try (renewed.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
  }
}

@Suite(.serialized) struct LeakTests {
  @Test func `thirty steps of training leave no tensor and no memory behind`() async throws {
    // In a process of its own: other tests make tensors at the same time.
    await #expect(processExitsWith: .success) {
      Library.setThreads(1)
      let data = drawnData(training: 16)
      let start = Library.liveTensors
      func steps(_ count: Int) throws {
        var state = try TrainingState(smallNetwork())
        let regularization = try Regularization(
          Regularizer(nuclear: 0.01, group: 0.01), on: state.snapshot())
        let loader = BatchLoader(data.train, .training(data, batchSize: 16, seed: 0, epoch: 0))
        guard let batch = try loader.next() else { return }
        let live = Library.liveTensors
        for _ in 0..<count {
          _ = state.step(batch, options(), rate: 0.01, generator: Generator(seed: 0))
          _ = try state.proximalStep(regularization, t: 0.01)
        }
        precondition(Library.liveTensors == live, "\(Library.liveTensors - live) tensors were kept by the steps")
      }
      try steps(30)
      let before = residentKilobytes()
      try steps(60)
      precondition(Library.liveTensors == start, "\(Library.liveTensors - start) tensors were kept")
      let growth = residentKilobytes() - before
      precondition(growth < 8 << 10, "60 steps grew by \(growth) KiB")
    }
  }
}

/// Memory of this process, from Linux's /proc; 0 elsewhere.
func residentKilobytes() -> Int {
  let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
  return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
}
