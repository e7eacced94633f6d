import Architectures
import Foundation
import Interchange
import Networks
import Testing
import Torch

/// Whole networks against PyTorch's answers.
@Suite struct ForwardFixtureTests {
  struct Forward: Decodable { let networks: [Subject] }
  struct Subject: Decodable, CustomTestStringConvertible {
    let model: String
    let in_channels: Int
    let classes: Int
    let image: Int
    let input: String
    let logits: String
    let weights_prefix: String
    var testDescription: String { model }
  }

  @Test(arguments: try Fixture("forward", as: Forward.self).description.networks)
  func `a network gives the logits that PyTorch gives`(_ subject: Subject) throws {
    let fixture = try Fixture("forward", as: Forward.self)
    let network = try #require(Catalogue(rawValue: subject.model))
      .network(input: [subject.in_channels, subject.image, subject.image], classes: subject.classes, seed: 0)
      .loading(fixture.tensors(prefix: subject.weights_prefix), from: "the fixture")
    expectClose(try network(fixture.tensor(subject.input).to(.float32)), try fixture.tensor(subject.logits))
  }

  struct Training: Decodable {
    let lr: Double
    let momentum: Double
    let weight_decay: Double
    let label_smoothing: Double
    let nesterov: Bool
    let runs: [Run]
  }
  struct Run: Decodable {
    let dtype: String
    let losses: [Double]
    let final_prefix: String
  }

  @Test(arguments: ["float64", "float32"])
  func `five steps of training go where PyTorch goes`(type: String) throws {
    let fixture = try Fixture("training", as: Training.self)
    let (given, dtype) = (fixture.description, type == "float64" ? Tensor.DType.float64 : .float32)
    let run = try #require(given.runs.first { $0.dtype == type })
    let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
      .loading(fixture.tensors(prefix: "initial."), from: "the fixture").to(dtype)
    let program = try Program(network, .training)
    let weights = program.parameterNames.compactMap { network.parameters[$0]?.clone.leaf }
    let momenta = weights.map { Tensor.zeros($0.shape, dtype: dtype) }
    let (images, labels) = (try fixture.tensor("input").to(dtype), try fixture.tensor("labels"))
    let step = SGDStep(
      learningRate: given.lr, momentum: given.momentum, weightDecay: given.weight_decay, nesterov: given.nesterov,
      isFirst: false)
    let tolerance = dtype == .float64 ? 1e-6 : 1e-4
    for expected in run.losses {
      let logits = program.run(images, parameters: weights, mode: .training).output
      let loss = logits.crossEntropy(labels: labels, smoothing: given.label_smoothing)
      #expect(abs(loss.detached.item - expected) < tolerance)
      step.apply(parameters: weights, gradients: loss.gradients(of: weights), momenta: momenta)
    }
    // Where float32 decides which of two numbers is the largest of a window, the steps behind carry it on: with two
    // threads on a Xeon with AVX-512 parameters were 5e-4 apart.
    let parameterTolerance = dtype == .float64 ? 1e-6 : 2e-3
    for (name, weight) in zip(program.parameterNames, weights) {
      expectClose(weight.detached, try fixture.tensor(run.final_prefix + name), within: parameterTolerance)
    }
  }
}
