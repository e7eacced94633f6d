import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

@Suite struct ChannelGroupsTests {
  private func resnet20() throws -> Network {
    try Network.cifarResNet(blocks: 3, input: [3, 32, 32], classes: 10, seed: 2).withRandomBatchNorm()
  }

  private func groups(_ network: Network, leavingOut: (String) -> Bool = { _ in false }) throws -> [ChannelGroup] {
    try ChannelGroups(of: network, leavingOut: leavingOut).all
  }

  @Test func `the groups of resnet20 are its channel groups`() throws {
    let groups = try groups(resnet20())
    let coupled = groups.filter { $0.name.contains("+") }
    #expect(groups.count == 12)
    #expect(groups.filter { !$0.name.contains("+") }.map(\.name).allSatisfy { $0.hasSuffix("conv1") })
    #expect(coupled.map(\.count).sorted() == [16, 16, 32])
    // 3·(16 + 32 + 64) within blocks, 64 between them.
    let count = groups.map(\.count).reduce(0, +)
    #expect(count == 400)
  }

  @Test func `a group is every member's row with the γ and β behind it`() throws {
    let all = try #require(try groups(resnet20()).first { $0.name.hasPrefix("conv1+") })
    let convolutions = ["conv1"] + (1...3).flatMap { stage in (0..<3).map { "layer\(stage).\($0).conv2" } }
    let expected = convolutions.flatMap { name -> [String] in
      let norm = name.replacing("conv", with: "bn")
      return ["\(name).weight", "\(norm).weight", "\(norm).bias"]
    }
    #expect(Set(all.members.map(\.parameter)) == Set(expected))
    #expect(all.members.count == expected.count)
    func indices(_ name: String) -> [Int]? { all.members.first { $0.parameter == name }?.slices.flatMap(\.self) }
    #expect(indices("conv1.weight") == Array(0..<16))
    #expect(indices("layer2.0.conv2.weight") == Array(8..<24))
    #expect(indices("layer3.2.bn2.bias") == Array(24..<40))
  }

  @Test func `the size of a group counts each of its scalars`() throws {
    let network = try resnet20()
    let group = try #require(try groups(network).first { $0.name == "layer1.0.conv1" })
    #expect(group.size(network.parameters) == 16 * 9 + 2)
  }

  /// Whether the norm of a group is that over `parameters`.
  private func normCounts(_ names: [String], _ norm: (ChannelGroup, [String: Tensor]) -> Double) throws -> Bool {
    let network = try resnet20()
    let group = try #require(try groups(network).first { $0.name == "layer1.0.conv1" })
    let squares = names.map { name -> Double in
      let row = network.parameters[name]?.to(.float64).slice(axis: 0, from: 3, to: 4).norm ?? .nan
      return row * row
    }
    return abs(norm(group, network.parameters) - squares.reduce(0, +).squareRoot()) < 1e-6
  }

  @Test func `the norm of a group is that of row, γ and β, and a forgotten β is noticed`() throws {
    let names = ["layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.bn1.bias"]
    #expect(try normCounts(names) { $0.norms($1)[3] })
    let forgetting = { (group: ChannelGroup, parameters: [String: Tensor]) -> Double in
      var less = group
      less.members.removeAll { $0.parameter.hasSuffix("bias") }
      return less.norms(parameters)[3]
    }
    #expect(try !normCounts(names, forgetting))
  }

  @Test func `a channel group is left out only when all that make it are`() throws {
    let network = try resnet20()
    let names = try groups(network, leavingOut: { $0 == "conv1" || $0 == "layer2.1.conv1" }).map(\.name)
    #expect(names.count == 11)
    #expect(!names.contains("layer2.1.conv1"))
    #expect(names.contains { $0.hasPrefix("conv1+") })
  }

  @Test func `the output makes no groups`() throws {
    #expect(try !groups(resnet20()).contains { $0.name.contains("linear") })
  }

  @Test func `biases of layers without batch norm are in the group`() throws {
    let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    let groups = try groups(network)
    #expect(groups.map(\.name) == ["conv1", "conv2", "fc1", "fc2"])
    #expect(groups.allSatisfy { $0.members.map(\.parameter) == ["\($0.name).weight", "\($0.name).bias"] })
  }

  @Test func `a weight that two nodes share is in its groups once`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let a = try net.convolution(net.input, "a", units: 3, kernel: [1, 1])
    let b = try net.convolution(a, "b", units: 3, kernel: [1, 1])
    var network = try net.finish(net.convolution(b, "c", units: 2, kernel: [1, 1]))
    network.nodes.insert(
      Node(name: "twin", operation: Convolution(), inputs: ["input"], parameters: [.weight: "a.weight"]), at: 1)
    network.nodes.insert(Node(name: "sum", operation: Elementwise.add, inputs: ["a", "twin"]), at: 2)
    let group = try #require(try groups(network).first { $0.name == "a" })
    #expect(group.members.map(\.parameter) == ["a.weight"])
    #expect(group.size(network.parameters) == 3)
  }

  @Test func `a group of a grouped convolution holds all rows that live together`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try net.convolution(net.input, "a", units: 4, kernel: [1, 1])
    let b = try net.convolution(a, "b", units: 4, kernel: [1, 1], groups: 2)
    let network = try net.finish(net.convolution(b, "c", units: 2, kernel: [1, 1]))
    let group = try #require(try groups(network).first)
    #expect(group.count == 2)
    #expect(group.size(network.parameters) == 2 * 2 + 2 * 2)
    let half = group.scaled(network.parameters, by: [0, 1])
    #expect(half["a.weight"]?.slice(axis: 0, from: 0, to: 2).maximumMagnitude == 0)
    #expect(
      half["b.weight"]?.slice(axis: 0, from: 2, to: 4).doubles
        == network.parameters["b.weight"]?.slice(axis: 0, from: 2, to: 4).doubles)
  }
}
