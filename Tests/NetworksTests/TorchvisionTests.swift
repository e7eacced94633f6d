import Architectures
import Networks
import Testing
import Torch

/// The architectures that torchvision has too: its names, and its answers on weights that a formula gives.
@Suite struct TorchvisionTests {
  struct Named: Decodable {
    let networks: [Network]
    struct Network: Decodable, CustomTestStringConvertible {
      let model: String
      /// "name axis axis …" in the order of the state dict.
      let parameters: [String]
      var testDescription: String { model }
    }
  }

  @Test(arguments: try Fixture("names", as: Named.self).description.networks)
  func `parameters have torchvision's names, shapes and order`(_ expected: Named.Network) throws {
    let name = try #require(Catalogue(rawValue: expected.model))
    let network = try name.network(input: name.usual.shape, classes: name.usual.classes, seed: 0)
    let found = network.parameterNames.map { name in
      ([name] + (network.parameters[name]?.shape ?? []).map(String.init)).joined(separator: " ")
    }
    #expect(found == expected.parameters)
  }

  struct Computed: Decodable {
    let networks: [Subject]
    struct Subject: Decodable, CustomTestStringConvertible {
      let model: String
      let classes: Int
      let image: Int
      let logits: [Double]
      var testDescription: String { "\(model) \(image)" }
    }
  }

  @Test(arguments: try Fixture("formula", as: Computed.self).description.networks)
  func `a network gives the logits that PyTorch gives on the formula's weights`(_ subject: Computed.Subject) throws {
    var network = try #require(Catalogue(rawValue: subject.model))
      .network(input: [3, subject.image, subject.image], classes: subject.classes, seed: 0)
    network.parameters = Dictionary(
      uniqueKeysWithValues: network.parameters.map { ($0, Formula.tensor($0, $1.shape)) })
    let logits = try network(Formula.tensor("input", [2] + network.inputShape))
    expectClose(logits, Tensor(subject.logits, shape: [2, subject.classes]), within: 1e-4)
  }
}
