import Architectures
import Containers
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// Five steps of SGD on one batch, as PyTorch did them (Tests/Fixtures/training.py).
struct AgainstPyTorchTests {
  private struct Description: Decodable {
    struct Run: Decodable { var dtype: String, losses: [Double], final_prefix: String }
    var batch: Int, steps: Int, lr: Double, momentum: Double, nesterov: Bool, weight_decay: Double
    var label_smoothing: Double, runs: [Run]
  }

  @Test func `losses and parameters are PyTorch's`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures")
    let description = try JSONDecoder().decode(
      Description.self, from: Data(contentsOf: folder.appending(path: "training.json")))
    let tensors = try Safetensors(contentsOf: folder.appending(path: "training.safetensors")).tensors()
    let run = try #require(description.runs.first { $0.dtype == "float32" })
    let initial = tensors.filter { $0.key.hasPrefix("initial.") }
    let network = try Catalogue.lenet5.network(input: [1, 28, 28], classes: 10, seed: 0)
      .loading(
        Dictionary(uniqueKeysWithValues: initial.map { (String($0.key.dropFirst(8)), $0.value) }), from: "fixture")
    var options = options(rate: description.lr)
    (options.momentum, options.nesterov) = (description.momentum, description.nesterov)
    (options.weightDecay, options.labelSmoothing) = (description.weight_decay, description.label_smoothing)
    var state = try TrainingState(network)
    let input = try #require(tensors["input"])
    let labels = try #require(tensors["labels"])
    for step in 0..<description.steps {
      let (loss, _) = state.addGradients(input.channelsLast, labels, options, generator: nil)
      state.step(options, rate: description.lr)
      #expect(abs(loss - run.losses[step]) <= 1e-5 * run.losses[step], "step \(step): \(loss)")
    }
    let found = state.snapshot()
    for name in network.parameterNames {
      let expected = try #require(tensors[run.final_prefix + name])
      let parameter = try #require(found.parameters[name])
      #expect((parameter - expected).maximumMagnitude <= 1e-5 * max(1, expected.maximumMagnitude), "\(name)")
    }
  }
}
