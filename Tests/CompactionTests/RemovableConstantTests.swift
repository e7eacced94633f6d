import Networks
import Testing
import Torch

@testable import Compaction

/// Units that give the same for every image go, and what they give moves into a bias where it can.
struct RemovableConstantTests {
  private func shape(_ network: Network, _ parameter: String) -> [Int]? { network.parameters[parameter]?.shape }

  /// conv1 with batch norm, then a convolution with this padding, then a linear layer.
  private func pair(padding: [Int], bias: Bool) throws -> Network {
    var net = NetworkBuilder(input: [2, 6, 6], seed: 4)
    let x = try net.relu(net.batchNorm(net.convolution(net.input, "first", units: 4, kernel: [1, 1]), "norm"))
    let y = try net.convolution(x, "second", units: 3, kernel: [3, 3], padding: padding, bias: bias)
    let flat = try net.flatten(net.relu(y))
    return try net.finish(net.linear(flat, "out", units: 2, bias: bias)).withRandomBatchNorm()
  }

  /// Unit 1 carries the constant 0.7 behind the batch norm.
  private func withConstant(_ network: Network) -> Network {
    var network = network
    network.set("norm.weight", [1], to: 0)
    network.set("norm.bias", [1], to: 0.7)
    return network
  }

  @Test(arguments: [false, true])
  func `a constant moves into the bias of an unpadded convolution`(bias: Bool) throws {
    let network = withConstant(try pair(padding: [0, 0], bias: bias))
    let small = try narrowed(network)
    #expect(shape(small, "second.weight") == [3, 3, 3, 3])
    #expect(shape(small, "second.bias") == [3])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
    // A bias in float32 rounds.
    #expect(try largestDifference(network, small) < 1e-6)
  }

  @Test func `a constant stays where a convolution pads with zeros`() throws {
    let network = withConstant(try pair(padding: [0, 1], bias: false))
    #expect(try RemovableChannels(in: network).channels.isEmpty)
  }

  @Test func `a zero goes even where a convolution pads`() throws {
    var network = try pair(padding: [1, 1], bias: false)
    network.set("norm.weight", [1], to: 0)
    network.set("norm.bias", [1], to: -0.3)
    #expect(try shape(narrowed(network), "second.weight") == [3, 3, 3, 3])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test(arguments: [false, true])
  func `a constant moves through a flattening into the bias of a linear layer`(bias: Bool) throws {
    var network = try pair(padding: [0, 0], bias: bias)
    network.set("second.weight", [2], to: 0)
    if !bias {
      network.nodes[network.nodes.firstIndex { $0.name == "second" } ?? 0].parameters[.bias] = "second.bias"
      network.parameters["second.bias"] = .zeros([3])
    }
    network.set("second.bias", [2], to: 0.4)
    let small = try narrowed(network)
    #expect(shape(small, "out.weight") == [2, 2 * 16])
    #expect(shape(small, "out.bias") == [2])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `a column of zeros under a batch norm with a lagging mean is a constant and no zero`() throws {
    var network = try pair(padding: [1, 1], bias: false)
    network.set("first.weight", [2], to: 0)
    network.set("norm.bias", [2], to: 5)
    #expect(try RemovableChannels(in: network).channels.isEmpty)
    network = try pair(padding: [0, 0], bias: false)
    network.set("first.weight", [2], to: 0)
    network.set("norm.bias", [2], to: 5)
    #expect(try shape(narrowed(network), "first.weight") == [3, 2, 1, 1])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test(arguments: [1, 3])
  func `a layer keeps its fewest units, the strongest of the removable`(minimum: Int) throws {
    var network = try pair(padding: [0, 0], bias: false)
    network.set("norm.weight", [0, 1, 2, 3], to: 0)
    network.set("norm.bias", [0, 1, 2, 3], to: 0.1)
    network.set("first.weight", [2], to: 100)
    let small = try narrowed(network, minimumUnits: minimum)
    #expect(shape(small, "first.weight")?[0] == minimum)
    #expect(small.parameters["first.weight"]?.maximumMagnitude == 100)
    #expect(try difference(network) { try narrowed($0, minimumUnits: minimum) } < 1e-9)
  }
}
