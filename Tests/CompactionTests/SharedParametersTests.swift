import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

/// Layers that use one tensor for their biases, as exporters write equal ones, are cut as if each had its own.
@Suite struct SharedParametersTests {
  private func network(bias: Double = 0.1) throws -> Network {
    var net = NetworkBuilder(input: [3, 12, 12], seed: 1)
    var x = net.input
    for index in 0..<4 {
      x = try net.convolution(x, "c\(index)", units: 16, kernel: [3, 3], padding: [1, 1], bias: true)
      x = try net.relu(index % 2 == 0 ? x : net.batchNorm(x, "n\(index)"))
    }
    var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "fc", units: 5))
      .withRandomBatchNorm()
    network.parameters["shared"] = .ones([16]) * bias
    for index in network.nodes.indices where network.nodes[index].operation is Convolution {
      network.nodes[index].parameters[.bias] = "shared"
    }
    network.dropUnusedParameters()
    return network
  }

  @Test func `a bias that others use keeps no layer dense`() throws {
    #expect(try network().matrixLayers.allSatisfy { $0.obstacle == nil })
  }

  @Test(arguments: [Target.energy(0.7), .parameters(0.4), .macs(0.3)], [0, 0.1])
  func `every plan is proved`(goal: Target, bias: Double) throws {
    let compacted: Compacted
    do {
      compacted = try Compressor(PlanSettings(target: goal, units: .weakest), skip: []).compact(network(bias: bias))
    } catch is PlanError {
      return
    }
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    #expect(try compacted.network.cost() == compacted.plan.predicted)
  }

  @Test func `factors take a copy of the bias and leave the others theirs`() throws {
    let network = try network()
    let layer = network.layer(named: "c1")
    let factors = try Factorization(network.matrix(of: layer), shape: layer.shape, rank: 16)
    let factored = try network.factorizing(layer, factors)
    #expect(try largestDifference(network, factored) < 1e-6)
  }

  @Test func `constants move into one layer's bias alone`() throws {
    var network = try network()
    for name in ["c1", "c2"] {
      let index = network.nodes.firstIndex { $0.name == name } ?? 0
      network.nodes[index].operation = Convolution()
      network.parameters["\(name).weight"] = .normal([16, 16, 1, 1], using: Generator(seed: 7)) * 0.2
    }
    // What c1 reads there is the bias alone, after ReLU.
    network.set("c0.weight", [2, 5], to: 0)
    let removable = try RemovableChannels(in: network.separatingParameters())
    #expect(!removable.channels.isEmpty)
    let narrow = try network.separatingParameters().narrowed(removing: removable.channels, removable.coupling)
    #expect(try largestDifference(network, narrow) < 1e-6)
  }
}
