@testable import Compaction
import Networks
import Testing
import Torch

/// Units that are divided, or divide, when units go by becoming zero.
@Suite struct DivisionTests {
  /// Convolutions of which the first's channels pass `middle`.
  private func network(
    _ middle: (inout NetworkBuilder, String) throws -> String
  ) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 1)
    let x = try net.relu(net.convolution(net.input, "c0", units: 16, kernel: [3, 3], padding: [1, 1], bias: true))
    let y = try net.convolution(middle(&net, x), "c1", units: 16, kernel: [3, 3], padding: [1, 1], bias: true)
    return try net.finish(net.linear(net.flatten(net.globalAveragePool(net.relu(y))), "fc", units: 5))
  }

  private func stored(_ net: inout NetworkBuilder, _ name: String, _ role: Role = .weight) throws -> String {
    try net.append(
      Stored(), name, reading: [], parameters: [role: .uniform([16, 1, 1], in: 0.5...2, using: Generator(seed: 3))])
  }

  private func units(of compacted: Compacted, _ layer: String) -> Int? {
    compacted.plan.layers.first { $0.name == layer }?.units
  }

  private func compact(_ network: Network) throws -> Compacted {
    let compacted = try Compressor(PlanSettings(target: .parameters(0.5), units: .weakest), skip: []).compact(network)
    _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
    return compacted
  }

  @Test(arguments: [Role.weight, .constant])
  func `channels that are divided by a number each are cut with their divisors`(role: Role) throws {
    let network = try network { net, x in
      try net.append(Elementwise.divide, reading: [x, self.stored(&net, "d", role)])
    }
    let compacted = try compact(network)
    let left = try #require(units(of: compacted, "c0"))
    #expect(left < 16)
    #expect(compacted.network.parameters["d.\(role.rawValue)"]?.shape[0] == left)
    let groups = try ChannelGroups(of: network) { _ in false }
    #expect(!groups.all.contains { group in group.members.contains { $0.parameter.hasPrefix("d.") } })
  }

  @Test func `a number to a negative power is a divisor too`() throws {
    let network = try network { net, x in
      let inverse = try net.append(Power(-0.5), reading: [self.stored(&net, "d")])
      return try net.append(Elementwise.multiply, reading: [x, inverse])
    }
    #expect(try #require(units(of: compact(network), "c0")) < 16)
  }

  @Test func `channels that divide a number, or one another, stay`() throws {
    let number = try network { net, x in
      try net.append(Elementwise.divide, reading: [self.stored(&net, "d"), net.append(Affine(shift: 0), reading: [x])])
    }
    let other = try network { net, x in
      let y = try net.convolution(net.input, "other", units: 16, kernel: [1, 1], bias: true)
      return try net.append(Elementwise.divide, reading: [x, y])
    }
    for network in [number, other] {
      let coupling = try network.channelCoupling()
      let channels = try #require(coupling.channels["c0"])
      #expect(channels.allSatisfy { coupling.frozen.contains(coupling.representative($0)) })
    }
  }

  @Test func `channels divided by what stays above zero are cut`() throws {
    // x / √(mean(x²) + ε) of each channel, as normalisations are written out.
    let network = try network { net, x in
      let squares = try net.append(Mean(axes: [1, 2]), reading: [net.append(Power(2), reading: [x])])
      let root = try net.append(Power(0.5), reading: [net.append(Affine(shift: 1e-3), reading: [squares])])
      return try net.append(Elementwise.divide, reading: [x, root])
    }
    #expect(try #require(units(of: compact(network), "c0")) < 16)
  }
}
