import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

/// Plans to a size that take the weakest units as well as the smallest singular values.
@Suite struct ZeroingTests {
  private func network() throws -> Network {
    try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
  }

  private func compact(
    _ network: Network, _ goal: Target, _ units: RemovableUnits = .weakest, minimumUnits: Int = 1
  ) throws -> Compacted {
    try Compressor(PlanSettings(target: goal, units: units, minimumUnits: minimumUnits)).compact(network)
  }

  @Test func `the strongest units stay, the fewest that hold the share`() throws {
    var network = try network()
    // ‖(γ, β)‖ of 24 units: 24, 23, …, 1, together 300; the first seven hold 147, the first eight 164.
    let name = "block2.bn_h"
    network.parameters["\(name).weight"] = Tensor((0..<24).map { Float(24 - $0) }, shape: [24])
    network.parameters["\(name).bias"] = Tensor.zeros([24])
    let groups = try ChannelGroups(of: network, norm: .scale, leavingOut: { $0 != "block2.conv_h" })
    let quiet = network.zeroingWeakest(of: groups, keeping: .share(0.5), atLeast: 1)
    let scale = try #require(quiet.parameters["\(name).weight"]).doubles
    let expected: [Double] = [24, 23, 22, 21, 20, 19, 18, 17] + Array(repeating: 0, count: 16)
    #expect(scale == expected)
    let rows = try #require(quiet.parameters["block2.conv_h.weight"]).reshaped([24, -1])
    let lives = (rows * rows).sum(axes: [1]).doubles.map { $0 > 0 }
    #expect(lives == expected.map { $0 > 0 })
  }

  @Test(arguments: [Target.parameters(0.3), .macs(0.2)])
  func `the compact network costs what the plan predicts and equals the zeroed one`(goal: Target) throws {
    let compacted = try compact(network(), goal)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(compacted.plan.isLossy && compacted.plan.unitShare < 1)
    #expect(compacted.plan.layers.contains { $0.units < $0.unitsBefore })
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test func `at the same size more of the energy stays than without cutting units`() throws {
    let both = try compact(network(), .parameters(0.3))
    let ranks = try compact(network(), .parameters(0.3), .zero)
    #expect(both.plan.energy > ranks.plan.energy + 0.1)
    #expect(ranks.plan.unitShare == 1 && ranks.plan.layers.allSatisfy { $0.units == $0.unitsBefore })
  }

  @Test func `the ranks of a pair are cut by the product's spectrum and not as units`() throws {
    let once = try compact(network(), .parameters(0.4), .zero).network
    let pair = try #require(once.matrixLayers.first { $0.isFactorized })
    let groups = try ChannelGroups(
      of: once, norm: .scale, leavingOut: once.nodesWithoutGroups(leavingOut: []).contains)
    #expect(!groups.all.contains { $0.makers.contains(pair.nodes[0]) })
    let twice = try compact(once, .parameters(0.5))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: twice.truncated, candidate: twice.network) }
  }

  @Test func `weights and units before are those of the given network`() throws {
    let plan = try compact(network(), .parameters(0.3)).plan
    let layer = try #require(plan.layers.first { $0.name == "block3.conv_h" })
    #expect(layer.weightsBefore == 32 * 32 * 3 && layer.unitsBefore == 32 && layer.units < 32)
  }

  @Test func `a size that no plan reaches names the floors`() throws {
    let text = message { _ = try compact(network(), .parameters(0.05), minimumUnits: 15) }
    #expect(text.contains("at least 15 units") && text.contains("`min-units`"))
  }

  @Test func `a plan by energy takes no unit that lives`() throws {
    let compacted = try compact(network(), .energy(0.5))
    #expect(compacted.plan.layers.allSatisfy { $0.units == $0.unitsBefore })
  }

  @Test func `every layer keeps its fewest units`() throws {
    let compacted = try compact(network(), .parameters(0.3), minimumUnits: 15)
    #expect(compacted.plan.layers.allSatisfy { $0.name == "linear" || $0.units >= 15 })
  }

  @Test(arguments: [Catalogue.lenet5, .resnet20])
  func `other architectures are cut to size and proved as well`(name: Catalogue) throws {
    let network = try name.network(input: name.usual.shape, classes: 10, seed: 3).withRandomBatchNorm()
    let compacted = try compact(network, .parameters(0.2))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    #expect(try 5 * compacted.network.cost().parameters <= network.cost().parameters)
  }

  /// A tenth of the units, to be quick: the graph is the same.
  @Test(arguments: [Catalogue.resnet18, .resnet50Decomposed, .vgg16BatchNorm])
  func `networks with projection shortcuts, decomposed layers and biases before batch norms are too`(
    name: Catalogue
  ) throws {
    let network = try name.network(input: [3, 32, 32], classes: 10, seed: 3).thinned(to: 0.1).withRandomBatchNorm()
    let compacted = try compact(network, .parameters(0.3))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    #expect(compacted.plan.layers.contains { $0.units < $0.unitsBefore })
    #expect(try 10 * compacted.network.cost().parameters <= 3 * network.cost().parameters)
  }

  @Test func `the given network stays what it was`() throws {
    let network = try network()
    let before = network.parameters.mapValues(\.doubles)
    _ = try compact(network, .parameters(0.3))
    #expect(network.parameters.mapValues(\.doubles) == before)
  }
}
