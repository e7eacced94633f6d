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
      uniqueKeysWithValues: network.parameters.map { ($0, Self.formula($0, $1.shape)) })
    let logits = try network(Self.formula("input", [2] + network.inputShape))
    expectClose(logits, Tensor(subject.logits, shape: [2, subject.classes]), within: 1e-4)
  }

  /// `tensor` of Tests/Fixtures/formula.py, but for the last bit.
  private static func formula(_ name: String, _ shape: [Int]) -> Tensor {
    let start = name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    let isWeight = shape.count > 1 && name != "input"
    let isScale = name.hasSuffix("weight") || name.hasSuffix("running_var")
    let bound = isWeight ? (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot() : 1
    let range = shape.count > 1 ? -bound...bound : isScale ? 0.5...1.5 : -0.2...0.2
    let values = (0..<shape.reduce(1, *)).map { position -> Float in
      var x = UInt32(truncatingIfNeeded: position) &* 2_654_435_761 &+ start
      for _ in 0..<2 { x = (x ^ x >> 16) &* 0x45D_9F3B }
      x ^= x >> 16
      let fraction = Double(x) / 4_294_967_296
      return Float(range.lowerBound + fraction * (range.upperBound - range.lowerBound))
    }
    return Tensor(values, shape: shape)
  }
}
