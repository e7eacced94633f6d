import Compaction
import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// Layers that are not trained, or at a part of the rate.
struct LayerRatesTests {
  private let network: Network
  private let images = Tensor.normal([12, 1, 16, 16], using: Generator(seed: 3)).channelsLast
  private let labels = Tensor((0..<12).map { Int64($0 % 4) }, shape: [12])

  init() throws { network = try smallNetwork() }

  /// What one step changes, by parameter.
  private func change(
    _ rates: LayerRates, _ optimizer: TrainingOptions.Optimizer = .sgd, rate: Double = 0.1
  ) throws -> [String: Tensor] {
    var options = options()
    (options.nesterov, options.weightDecay, options.optimizer) = (false, 0, optimizer)
    var state = try TrainingState(network, rates: rates)
    _ = state.addGradients(images, labels, options, generator: nil)
    state.step(options, rate: rate)
    let after = state.snapshot().parameters
    return network.parameters.reduce(into: [:]) { result, entry in
      result[entry.key] = after[entry.key].map { $0 - entry.value }
    }
  }

  @Test(arguments: TrainingOptions.Optimizer.allCases) func `every layer but the new one moves by its part of the step`(
    optimizer: TrainingOptions.Optimizer
  ) throws {
    let whole = try change(LayerRates(), optimizer)
    let scaled = try change(LayerRates(pretrainedScale: 0.25, new: ["linear"]), optimizer)
    for (name, step) in whole where !name.contains("running") {
      let expected = step * (name.hasPrefix("linear") ? 1 : 0.25)
      let found = try #require(scaled[name])
      #expect((found - expected).maximumMagnitude <= 1e-6, "\(name)")
      #expect(found.maximumMagnitude > 0, "\(name)")
    }
  }

  @Test func `frozen layers keep every bit under any regulariser, and the rest learns`() throws {
    let (folder, data) = (try TemporaryFolder(), drawnData())
    var regularizer = Regularizer(nuclear: 0.5, group: 0.5, frequency: .steps(1), skip: [])
    regularizer.frozen = ["conv1", "bn1"]
    for regularizer in [.none, regularizer] {
      var options = options(epochs: 2, regularizer: regularizer)
      options.layerRates.frozen = ["conv1", "bn1"]
      var trainer = try folder.trainer(options, network, data, regularizer.isNone ? "plain" : "pressed")
      let trained = elements(try trainer.train(resume: false))
      for (name, before) in elements(network) {
        // Running statistics follow the images.
        let stays = ["conv1", "bn1"].contains(name.split(separator: ".")[0]) && !name.contains("running")
        #expect((trained[name] == before) == stays, "\(name)")
      }
    }
  }

  @Test func `a frozen training ends where it would, stopped and resumed`() throws {
    let (folder, data) = (try TemporaryFolder(), drawnData())
    var options = options(epochs: 2)
    options.layerRates = LayerRates(frozen: ["conv0"], pretrainedScale: 0.5, new: ["linear"])
    var trainer = try folder.trainer(options, network, data)
    let whole = elements(try trainer.train(resume: false))
    #expect(elements(try stoppedAndResumed(after: 7, options, network, data, in: folder)) == whole)
  }

  @Test func `a pattern that names nothing, and one that names everything, are refused`() throws {
    #expect(sentence { try LayerRates(frozen: ["cnov1"]).check(network) }.contains("did you mean conv1?"))
    #expect(sentence { try LayerRates(frozen: ["*"]).check(network) }.contains("nothing would be trained"))
    try LayerRates(frozen: ["conv*"]).check(network)
  }
}
