import Architectures
import Networks
import Testing
import Torch

/// Every network of torchvision, and timm's DeiT: what it holds, what it costs, and what the smallest of each family
/// computes.
@Suite struct CatalogueFixtureTests {
  struct Expected: Decodable {
    let networks: [Counted]
    let computed: [Computed]
  }
  struct Counted: Decodable, CustomTestStringConvertible {
    let model: String
    let image: Int
    let parameters: Int
    let macs: Int
    let tensors: Int
    let digest: UInt32
    var testDescription: String { model }
  }
  struct Computed: Decodable, CustomTestStringConvertible {
    let model: String
    let classes: Int
    let image: Int
    let logits: [Double]
    var testDescription: String { model }
  }

  private static func expected() throws -> Expected { try Fixture("catalogue", as: Expected.self).description }

  @Test(arguments: try expected().networks)
  func `a network has torchvision's parameters and costs what PyTorch counts`(_ expected: Counted) throws {
    let name = try #require(Catalogue(rawValue: expected.model))
    #expect(name.usual.shape == [3, expected.image, expected.image])
    let network = try name.withoutWeights(input: name.usual.shape, classes: 1000)
    let cost = try network.cost()
    #expect(cost.parameters == expected.parameters)
    #expect(cost.macs == expected.macs)
    let lines = network.learntNames.map { name in
      ([name] + (network.parameters[name]?.shape ?? []).map(String.init)).joined(separator: " ")
    }
    #expect(lines.count == expected.tensors)
    #expect(Formula.hash(lines.sorted().joined(separator: "\n")) == expected.digest, "\(lines)")
  }

  @Test func `every name of torchvision and timm is compared`() throws {
    let compared = Set(try Self.expected().networks.map(\.model))
    let own = ["dec3", "dec8", "dec8-512", "lenet5", "resnet20", "resnet32", "resnet44", "resnet56", "resnet50-dec"]
    #expect(compared == Set(Catalogue.allCases.map(\.rawValue)).subtracting(own))
  }

  @Test(arguments: try expected().computed)
  func `a network gives the logits that torchvision's gives on the formula's weights`(_ expected: Computed) throws {
    let shape = [3, expected.image, expected.image]
    var network = try #require(Catalogue(rawValue: expected.model))
      .withoutWeights(input: shape, classes: expected.classes)
    for name in network.learntNames {
      network.parameters[name] = Formula.tensor(name, network.parameters[name]?.shape ?? [])
    }
    let logits = try network.to(.float64)(Formula.tensor("input", [2] + shape).to(.float64))
    let wanted = Tensor(expected.logits, shape: [2, expected.classes]).to(.float64)
    #expect((logits - wanted).maximumMagnitude <= 1e-5 * wanted.maximumMagnitude)
  }
}

extension Network {
  /// Names of all parameters that files of weights have: not the constants of the network's definition.
  fileprivate var learntNames: [String] {
    let constants = Set(nodes.compactMap { $0.parameters[.constant] })
    return parameterNames.filter { !constants.contains($0) }
  }
}
