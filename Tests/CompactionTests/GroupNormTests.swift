import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

/// Which part of a group its norm is taken over, and networks with fewer units.
@Suite struct GroupNormTests {
  private func network() throws -> Network {
    try .dec3(input: [1, 16, 16], classes: 4, units: [4, 6, 8], seed: 3)
  }

  private func group(_ norm: GroupLassoNorm, _ network: Network) throws -> ChannelGroup {
    let groups = try ChannelGroups(of: network, norm: norm, leavingOut: { _ in false })
    return try #require(groups.all.first { $0.name == "block2.conv_v" })
  }

  @Test func `the norm by scale is that of γ and β alone`() throws {
    let network = try network()
    let norms = try group(.scale, network).norms(network.parameters)
    let gamma = try #require(network.parameters["block2.bn_v.weight"]).doubles
    #expect(norms == gamma.map(abs))
  }

  @Test func `rows before a batch norm are carried: they stay until their group is dead`() throws {
    let network = try network()
    let group = try group(.scale, network)
    let name = "block2.conv_v.weight"
    let before = try #require(network.parameters[name])
    let shrunk = GroupThresholding(group, network.parameters, threshold: 0.5).parameters
    #expect(try #require(shrunk[name]).doubles == before.doubles)
    #expect(try #require(shrunk["block2.bn_v.weight"]).doubles.allSatisfy { $0 == 0.5 })
    let dead = GroupThresholding(group, network.parameters, threshold: 2).parameters
    #expect(try #require(dead[name]).maximumMagnitude == 0)
  }

  @Test func `without a batch norm both norms are the same`() throws {
    let network = try Network.lenet5(input: [1, 28, 28], classes: 4, seed: 0)
    let whole = try ChannelGroups(of: network, norm: .whole, leavingOut: { _ in false }).all
    let scale = try ChannelGroups(of: network, norm: .scale, leavingOut: { _ in false }).all
    #expect(whole.map { $0.norms(network.parameters) } == scale.map { $0.norms(network.parameters) })
  }

  @Test func `a thinned network has the fraction of the units, and runs`() throws {
    let thin = try network().thinned(to: 0.5)
    #expect(thin.parameters["block1.conv_v.weight"]?.shape == [2, 1, 5, 1])
    #expect(thin.parameters["block3.conv_h.weight"]?.shape == [4, 4, 1, 3])
    #expect(try thin(Tensor.ones([2, 1, 16, 16])).shape == [2, 4])
  }

  @Test func `a residual network thins group by group, pads counted again`() throws {
    let whole = try Network.cifarResNet(blocks: 1, input: [3, 32, 32], classes: 10, seed: 0)
    let thin = try whole.thinned(to: 0.5)
    #expect(thin.parameters["conv1.weight"]?.shape[0] == 8)
    #expect(thin.parameters["layer3.0.conv2.weight"]?.shape[0] == 32)
    #expect(try thin(Tensor.ones([1, 3, 32, 32])).shape == [1, 10])
  }

  @Test func `thinning to a number of parameters comes near it and stays under`() throws {
    let whole = try Network.dec3(input: [1, 32, 32], classes: 36, seed: 0)
    let count = try whole.thinned(toParameters: 11_500).cost().parameters
    #expect(count <= 11_500)
    #expect(count > 10_000)
  }
}
