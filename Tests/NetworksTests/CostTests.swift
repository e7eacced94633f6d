import Architectures
import Networks
import Testing
import Torch

@Suite struct CostTests {
  struct Counts: Decodable {
    let architectures: [Subject]
    let layers: [Layer]
  }
  struct Subject: Decodable, CustomTestStringConvertible {
    let model: String
    let input: [Int]
    let output: [Int]
    let parameters: Int
    let macs: Int
    var testDescription: String { "\(model) \(input)" }
  }
  struct Layer: Decodable, CustomTestStringConvertible {
    let name: String
    let operation: String
    let weight: [Int]
    let stride: [Int]
    let padding: [Int]
    let dilation: [Int]
    let groups: Int
    let bias: Bool
    let input: [Int]
    let output: [Int]
    let macs: Int
    var testDescription: String { name }
  }

  static func counts() throws -> Counts { try Fixture("macs", as: Counts.self).description }

  @Test(arguments: try counts().architectures)
  func `an architecture costs exactly what PyTorch counts`(_ subject: Subject) throws {
    let network = try #require(Catalogue(rawValue: subject.model))
      .network(input: Array(subject.input.dropFirst()), classes: subject.output[1], seed: 0)
    let cost = try network.cost()
    #expect(cost.parameters == subject.parameters)
    #expect(cost.macs == subject.macs)
  }

  /// Linear layers on sequences are not among Thresh's operations; costs are those of one image.
  @Test(arguments: try counts().layers.filter { $0.name != "linear on a sequence" })
  func `a layer costs exactly what PyTorch counts`(_ layer: Layer) throws {
    var tensors = [Role.weight: Tensor.zeros(layer.weight)]
    if layer.bias { tensors[.bias] = .zeros([layer.weight[0]]) }
    var network: Network
    if layer.operation == "linear" {
      network = single(Linear(), input: [layer.input[1], 1, 1], tensors)
      network.nodes[0].inputs = ["flat"]
      network.nodes.insert(Node(name: "flat", operation: Flatten(), inputs: [Network.inputName]), at: 0)
    } else {
      let geometry = ConvolutionGeometry(
        stride: layer.stride, padding: layer.padding, dilation: layer.dilation, groups: layer.groups)
      network = single(Convolution(geometry), input: Array(layer.input.dropFirst()), tensors)
    }
    #expect(try network.cost().macs * layer.input[0] == layer.macs)
    #expect(try network.cost().parameters == layer.weight.reduce(1, *) + (layer.bias ? layer.weight[0] : 0))
    #expect(try network.validate()["node"] == Array(layer.output.dropFirst()))
  }

  @Test func `running statistics are not counted`() throws {
    let network = single(
      BatchNorm(), input: [3, 2, 2],
      [.weight: .ones([3]), .bias: .zeros([3]), .runningMean: .zeros([3]), .runningVariance: .ones([3])])
    #expect(try network.cost() == Cost(parameters: 6, macs: 0, activationBytes: 48))
  }

  @Test func `a parameter that two nodes share counts once and works twice`() throws {
    var network = single(Convolution(), input: [2, 4, 4], [.weight: .zeros([2, 2, 1, 1])])
    var second = network.nodes[0]
    (second.name, second.inputs) = ("second", ["node"])
    network.nodes.append(second)
    network.output = "second"
    #expect(try network.cost().parameters == 4)
    #expect(try network.cost().macs == 2 * 4 * 16)
  }
}
