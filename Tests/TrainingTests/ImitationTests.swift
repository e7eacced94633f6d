import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// What is learnt from a network where images have no labels.
@Suite struct ImitationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Rows of ten numbers for three images: a vector of four, and 3 classes at 2 places.
  private static let own = Tensor((0..<30).map { Double(($0 * 7) % 11) / 3 - 1 }, shape: [3, 10])
  private static let given = Tensor((0..<30).map { Double(($0 * 5) % 13) / 4 - 1 }, shape: [3, 10])

  private static func imitation(variance: Double = 2, areProbabilities: Bool = false) -> Imitation {
    Imitation(outputs: [
      Imitation.Output(name: "vector", shape: [4], elements: 0..<4, distance: .values(variance: variance)),
      Imitation.Output(
        name: "scores", shape: [3, 2], elements: 4..<10,
        distance: .scores(axis: 0, areProbabilities: areProbabilities), weight: 0.5),
    ])
  }

  @Test func `the loss is the mean squared error by the variance, and half of the divergence of the classes`() {
    let (own, given) = (Self.own.doubles, Self.given.doubles)
    var (squares, divergence) = (0.0, 0.0)
    for image in 0..<3 {
      for element in 0..<4 {
        let difference = own[10 * image + element] - given[10 * image + element]
        squares += difference * difference / 12
      }
      for place in 0..<2 {
        func probabilities(_ row: [Double]) -> [Double] {
          let powers = (0..<3).map { exp(row[10 * image + 4 + 2 * $0 + place]) }
          return powers.map { $0 / powers.reduce(0, +) }
        }
        divergence += zip(probabilities(given), probabilities(own)).map { $0 * log($0 / $1) }.reduce(0, +) / 6
      }
    }
    let loss = Self.imitation().loss(Self.own, Self.given).item
    #expect(abs(loss - (squares / 2 + 0.5 * divergence)) < 1e-12)
  }

  @Test func `probabilities are compared as their logits are`() {
    func softened(_ rows: Tensor) -> Tensor {
      let scores = rows.slice(axis: 1, from: 4, to: 10).reshaped([3, 3, 2]).softmax(axis: 1).reshaped([3, 6])
      return .concatenated([rows.slice(axis: 1, from: 0, to: 4), scores], axis: 1)
    }
    let logits = Self.imitation().loss(Self.own, Self.given).item
    let probabilities = Self.imitation(areProbabilities: true).loss(softened(Self.own), softened(Self.given)).item
    #expect(abs(logits - probabilities) < 1e-9)
  }

  /// Drawn images as if they had no labels, and a network that has learnt them.
  private func original() throws -> (model: Model, data: Dataset) {
    var data = try drawnData(training: 320).holdingOut(0.2, seed: 0)
    let network = try folder.trainer(options(epochs: 3), smallNetwork(), data, "labelled").trained()
    let model = model(network, of: data)
    (data.hasLabels, data.classNames) = (false, [])
    return (model, data)
  }

  @Test func `a network is as it is itself, and the mean of its outputs has an error of one`() throws {
    let (model, data) = try original()
    let original = try Original(model, on: data, LossRecipe())
    #expect(original.imitation.outputs.count == 1)
    #expect(original.notes == ["the output is learnt as the probabilities of 4 classes"])
    let itself = try model.network.accuracy(on: data.test, of: data, like: original)
    #expect(itself.top1 == nil && itself.images == data.test.count && abs(itself.loss) < 1e-6)
    let error = try #require(itself.outputs?.first)
    #expect(error.relativeError == 0 && error.agreement == 100 && error.signalToNoise == nil)
    // A linear layer without weights whose bias is the mean of what it gave.
    let logits = try data.test.indices.map { index in
      try model.network(image(index, data)).doubles
    }
    var constant = model.network
    constant.parameters["linear.weight"] = Tensor.zeros(constant.parameters["linear.weight"]?.shape ?? [])
    let means = (0..<4).map { unit in logits.map { $0[unit] }.reduce(0, +) / Double(logits.count) }
    constant.parameters["linear.bias"] = Tensor(means, shape: [4]).to(.float32)
    let mean = try constant.accuracy(on: data.test, of: data, like: original)
    #expect(abs(try #require(mean.relativeError) - 1) < 1e-4)
  }

  private func image(_ index: Int, _ data: Dataset) throws -> Tensor {
    let values = try data.test.pixels(at: index).map { (Float($0) / 255 - 0.3) / 0.3 }
    return Tensor(values.map(Double.init), shape: [1, 1, 16, 16]).to(.float32)
  }

  @Test func `the distance does not depend on the scale of an output`() throws {
    var (model, data) = try original()
    model.interface.outputName = "features"
    model.classNames = []
    let cut = try model.network.cut(to: 0.5)
    func loss(times factor: Double) throws -> Double {
      var (whole, small) = (model, cut)
      for name in ["linear.weight", "linear.bias"] {
        whole.network.parameters[name] = whole.network.parameters[name].map { $0 * factor }
        small.parameters[name] = small.parameters[name].map { $0 * factor }
      }
      let original = try Original(whole, on: data, LossRecipe())
      #expect(original.notes.first?.contains("by its values") == true)
      return try small.accuracy(on: data.test, of: data, like: original).loss
    }
    let (one, hundred) = (try loss(times: 1), try loss(times: 100))
    #expect(one > 1e-3 && abs(one - hundred) < 1e-3 * one)
  }

  @Test func `a compact network learns to be like the one it was made of, and goes on where it was stopped`() throws {
    let (model, data) = try original()
    let original = try Original(model, on: data, LossRecipe())
    let cut = try model.network.cut(to: 0.3)
    func trainer(_ name: String) throws -> Trainer {
      var trainer = try folder.trainer(options(epochs: 3, rate: 0.01), cut, data, name)
      trainer.original = original
      return trainer
    }
    var first = try trainer("whole")
    var epochs: [Metrics] = []
    first.observe = { if case .evaluated(let metrics) = $0 { epochs.append(metrics) } }
    let tuned = try first.train(resume: false)
    let (before, after) = try (
      cut.accuracy(on: data.test, of: data, like: original), tuned.accuracy(on: data.test, of: data, like: original)
    )
    #expect(after.loss < 0.5 * before.loss, "\(before.loss) → \(after.loss)")
    #expect(epochs.allSatisfy { $0.trainingTop1 == nil && $0.validation?.top1 == nil })
    // The best is the one with the least distance.
    let losses = epochs.compactMap { $0.validation?.loss }
    let best = try Model(contentsOf: first.folder.best)
    #expect(best.figures["epoch"] == Double((losses.firstIndex(of: losses.min() ?? 0) ?? 0) + 1))
    var stopped = try trainer("stopped")
    var steps = 0
    stopped.shouldStop = {
      steps += 1
      return steps == 20
    }
    #expect(throws: TrainingInterruption.self) { _ = try stopped.train(resume: false) }
    var resumed = try trainer("stopped")
    #expect(try elements(resumed.train(resume: true)) == elements(tuned))
  }

  @Test func `what says nothing is not taught, and what is no number is refused`() throws {
    var (model, data) = try original()
    model.network.parameters["linear.weight"] = Tensor.zeros([
      4, model.network.parameters["linear.weight"]?.shape[1] ?? 0,
    ])
    #expect(sentence { _ = try Original(model, on: data, LossRecipe()) }.contains("no output of the original differs"))
    model.network.parameters["linear.bias"] = Tensor([.nan, 0, 0, 0], shape: [4]).to(.float32)
    #expect(sentence { _ = try Original(model, on: data, LossRecipe()) }.contains("is not finite"))
    data.workers = 1
  }

  @Test(arguments: [
    (["other"], [String](), "names none of the outputs"), (["y=2"], [], "names no axis"), ([], ["y=x"], "a number"),
    ([], ["z=1"], "names none of the outputs"),
  ])
  func `a setting of an output that is not there is refused`(scores: [String], weights: [String], words: String) throws
  {
    var (model, data) = try original()
    model.interface.outputName = "y"
    data.workers = 1
    var loss = LossRecipe()
    (loss.scores, loss.outputWeights) = (scores, weights)
    let said = sentence { _ = try Original(model, on: data, loss) }
    #expect(said.contains(words), "\(said)")
  }
}

extension Trainer {
  fileprivate consuming func trained() throws -> Network {
    var trainer = self
    return try trainer.train(resume: false)
  }
}

extension ImageSource {
  fileprivate var indices: Range<Int> { 0..<count }
}

extension Network {
  /// Made small at once, by the weights alone.
  fileprivate func cut(to fraction: Double) throws -> Network {
    let settings = PlanSettings(
      target: .size(Target.Fractions(macs: fraction)), units: .weakest, allocator: .global, decompositions: .any)
    return try Compressor(settings, skip: nil).compact(self).network
  }
}
