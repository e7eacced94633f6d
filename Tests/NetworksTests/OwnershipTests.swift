import Networks
import Testing
import Torch

/// Nodes that use one tensor: what a rewrite changes is its node's own first.
@Suite struct OwnershipTests {
  /// Two convolutions of equal biases, which files keep as one tensor, each with a batch norm.
  private func network() throws -> Network {
    var net = NetworkBuilder(input: [3, 6, 6], seed: 0)
    var x = net.input
    for name in ["a", "b"] {
      x = try net.convolution(x, name, units: 4, kernel: [3, 3], padding: [1, 1], bias: true)
      x = try net.batchNorm(x, "\(name)n")
    }
    var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "fc", units: 3))
    network.parameters["bn.running_mean"] = .normal([4], using: Generator(seed: 4))
    network.parameters["an.running_mean"] = .normal([4], using: Generator(seed: 5))
    network.share(.bias, of: "b", with: "a")
    return network
  }

  private func images(_ network: Network) -> Tensor {
    Tensor.normal([3] + network.inputShape, dtype: .float64, using: Generator(seed: 1))
  }

  private func expectSame(_ a: Network, _ b: Network) throws {
    expectClose(try b.to(.float64)(images(a)), try a.to(.float64)(images(a)), within: 1e-6)
  }

  @Test func `a batch norm moves into a layer whose bias others use`() throws {
    let network = try network()
    let folded = try network.foldingBatchNorm()
    #expect(!folded.nodes.contains { $0.operation is BatchNorm })
    try expectSame(network, folded)
    expectClose(
      try Program(network, .inference(batch: 1))(images(network).to(.float32)),
      try network(images(network).to(.float32)))
  }

  @Test func `what one node is given no other gets, nor a parameter that has its name`() throws {
    var network = try network()
    network.set(.bias, of: "a", to: .ones([4]))
    #expect(
      network["b"].flatMap { network.parameter(.bias, of: $0) }?.doubles
        == (try self.network()).parameters["a.bias"]?.doubles)
    #expect(network["a"].flatMap { network.parameter(.bias, of: $0) }?.doubles == [1, 1, 1, 1])
    var other = try self.network()
    other.share(.bias, of: "fc", as: "bn.bias", .zeros([3]))
    let before = other.parameters["bn.bias"]?.doubles
    other.set(.weight, of: "fc", to: .ones([3, 4]))
    #expect(other.parameters["bn.bias"]?.doubles == before)
  }

  @Test func `separated, every layer has a bias of its own, and what is one layer stays one`() throws {
    var network = try network()
    // A layer applied twice, and two layers of one weight.
    network.nodes[2].parameters = network.nodes[0].parameters.filter { $0.key == .bias }
    network.nodes[2].parameters[.weight] = "b.weight"
    let twice = Node(
      name: "b2", operation: network.nodes[2].operation, inputs: ["bn"], parameters: network.nodes[2].parameters)
    network.nodes.insert(twice, at: 4)
    for index in network.nodes.indices.dropFirst(5) {
      network.nodes[index].inputs = network.nodes[index].inputs.map { $0 == "bn" ? "b2" : $0 }
    }
    let separated = network.separatingParameters()
    try expectSame(network, separated)
    #expect(separated["a"]?.parameters[.bias] != separated["b"]?.parameters[.bias])
    #expect(separated["b"]?.parameters == separated["b2"]?.parameters)
    #expect(separated.separatingParameters().parameterNames == separated.parameterNames)
  }

  @Test func `batch norms of a new network, which are all the same numbers, are separated role by role`() throws {
    var network = try network()
    network.parameters["ones"] = .ones([4])
    network.parameters["zeros"] = .zeros([4])
    for index in network.nodes.indices where network.nodes[index].operation is BatchNorm {
      network.nodes[index].parameters = [
        .weight: "ones", .bias: "zeros", .runningMean: "zeros", .runningVariance: "ones",
      ]
    }
    network.dropUnusedParameters()
    let separated = network.separatingParameters()
    #expect(separated.nodes.flatMap(\.parameters.values).count == separated.parameters.count)
    #expect(Set(separated.nodes.flatMap(\.parameters.values)).count == separated.parameters.count)
    try expectSame(network, separated)
  }
}

extension Network {
  fileprivate mutating func share(_ role: Role, of name: String, with other: String) {
    guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
    nodes[index].parameters[role] = self[other]?.parameters[role]
    dropUnusedParameters()
  }

  /// Gives a node a parameter under a name that another node's would usually have.
  fileprivate mutating func share(_ role: Role, of name: String, as parameter: String, _ tensor: Tensor) {
    guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
    let moved = "\(parameter)-moved"
    for other in nodes.indices {
      nodes[other].parameters = nodes[other].parameters.mapValues { $0 == parameter ? moved : $0 }
    }
    parameters[moved] = parameters[parameter]
    nodes[index].parameters[role] = parameter
    parameters[parameter] = tensor
  }
}
