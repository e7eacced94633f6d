import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

/// Which part of a group its norm is taken over.
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
}
