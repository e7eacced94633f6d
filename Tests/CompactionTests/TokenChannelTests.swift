import Networks
import Testing
import Torch

@testable import Compaction

/// Channels of tokens lie along their last axis, those of attention along heads and their widths.
@Suite struct TokenChannelTests {
  /// A transformer of one block: 4 tokens of 12 numbers, 3 heads of 4, an MLP of 20 units, 5 classes.
  private func transformer() throws -> Network {
    var builder = NetworkBuilder(input: [3, 8, 8], seed: 1)
    var x = try builder.convolution(
      builder.input, "patches", units: 12, kernel: [4, 4], stride: [4, 4], bias: true)
    x = try builder.transpose(builder.reshape(x, [12, 4]), [1, 0])
    let norm = try builder.layerNorm(x, "norm1")
    let qkv = try builder.reshape(builder.linear(norm, "qkv", units: 36), [1, 4, 36])
    // As windows have it, one for each head, and a mask for each window.
    let bias = try builder.trained("bias", shape: [1, 3, 4, 4], deviation: 1)
    let mask = try builder.trained("mask", shape: [1, 1, 4, 4], deviation: 1)
    let mixed = try builder.reshape(builder.attention(qkv, heads: 3, adding: [bias, mask]), [4, 12])
    x = try builder.add(x, builder.linear(mixed, "proj", units: 12))
    let hidden = try builder.linear(builder.layerNorm(x, "norm2"), "fc1", units: 20)
    x = try builder.add(
      x, builder.linear(builder.activation(hidden, .gelu(approximated: false)), "fc2", units: 12))
    let last = try builder.slice(builder.layerNorm(x, "norm3"), axis: 0, 0..<1)
    var network = try builder.finish(builder.linear(builder.flatten(last), "head", units: 5))
    let generator = Generator(seed: 3)
    for (name, tensor) in network.parameters where name.hasSuffix("bias") {
      network.parameters[name] = .normal(tensor.shape, using: generator)
    }
    return network
  }

  private func shape(_ network: Network, _ parameter: String) -> [Int]? { network.parameters[parameter]?.shape }

  @Test func `units of an MLP and whole heads may go, the width of the tokens stays`() throws {
    let network = try transformer()
    let coupling = try network.channelCoupling()
    func channels(_ name: String, axis: Int) -> [Channel] {
      coupling.axes.first { $0.parameter == name && $0.axis == axis }?.channels ?? []
    }
    #expect(Set(channels("fc1.weight", axis: 0)).count == 20)
    #expect(channels("fc1.weight", axis: 0) == channels("fc2.weight", axis: 1))
    #expect(coupling.frozen.isDisjoint(with: channels("fc1.weight", axis: 0)))
    let rows = channels("qkv.weight", axis: 0)
    // The rows of q, k and v that one head reads are one channel, and so are the columns behind it.
    #expect(Set(rows).count == 3 && Array(rows[..<12]) == Array(rows[12..<24]))
    #expect(rows[..<4].allSatisfy { $0 == rows[0] } && rows[4] != rows[0])
    #expect(channels("proj.weight", axis: 1) == Array(rows[24...]))
    #expect(coupling.frozen.isDisjoint(with: rows))
    for frozen in [channels("qkv.weight", axis: 1), channels("proj.weight", axis: 0), channels("fc2.weight", axis: 0)] {
      #expect(frozen.count == 12 && coupling.frozen.isSuperset(of: frozen))
    }
  }

  @Test func `units of an MLP that are constant go exactly, their constants into the next bias`() throws {
    var network = try transformer()
    // Their biases stay: GELU makes constants of them.
    network.set("fc1.weight", [0, 7, 19], to: 0)
    let small = try narrowed(network)
    #expect(shape(small, "fc1.weight") == [17, 12] && shape(small, "fc2.weight") == [12, 17])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `a head whose rows are zero goes exactly, and the shapes between follow`() throws {
    var network = try transformer()
    let rows = (0..<3).flatMap { part in (4..<8).map { part * 12 + $0 } }
    for name in ["qkv.weight", "qkv.bias"] { network.set(name, rows, to: 0) }
    let small = try narrowed(network)
    #expect(shape(small, "qkv.weight") == [24, 12] && shape(small, "proj.weight") == [12, 8])
    #expect(shape(small, "bias") == [1, 2, 4, 4] && shape(small, "mask") == [1, 1, 4, 4])
    let shapes = small.nodes.compactMap { ($0.operation as? Reshape)?.shape }
    #expect(shapes.contains([1, 4, 3, 2, 4]) && shapes.contains([1, 4, 8]), "\(shapes)")
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `a head of which some rows are left stays`() throws {
    var network = try transformer()
    let rows = (0..<3).flatMap { part in (4..<7).map { part * 12 + $0 } }
    for name in ["qkv.weight", "qkv.bias"] { network.set(name, rows, to: 0) }
    #expect(try RemovableChannels(in: network).channels.isEmpty)
  }

  @Test func `a head counts as its rows where units go in steps, and its slices are scaled together`() throws {
    let network = try transformer()
    let groups = try ChannelGroups(of: network) { _ in false }
    let heads = try #require(groups.all.first { $0.name == "qkv" })
    let units = try #require(groups.all.first { $0.name == "fc1" })
    #expect(heads.count == 3 && heads.step(ofRows: 8) == 1 && heads.step(ofRows: 16) == 2)
    #expect(units.count == 20 && units.step(ofRows: 8) == 8)
    let scaled = heads.scaled(network.parameters, by: [1, 0, 2])
    let before = try #require(network.parameters["qkv.weight"]).doubles
    let after = try #require(scaled["qkv.weight"]).doubles
    for row in 0..<36 {
      let factor = [1.0, 0, 2][row % 12 / 4]
      #expect((0..<12).allSatisfy { after[row * 12 + $0] == factor * before[row * 12 + $0] }, "\(row)")
    }
    let norms = heads.norms(network.parameters)
    let bias = try #require(network.parameters["qkv.bias"]).doubles
    let first = (0..<36).filter { $0 % 12 < 4 }
    let squares = first.map { row in
      (0..<12).map { before[row * 12 + $0] * before[row * 12 + $0] }.reduce(0, +) + bias[row] * bias[row]
    }
    #expect(abs(norms[0] - squares.reduce(0, +).squareRoot()) < 1e-6 * norms[0])
  }

  @Test func `a plan for half of the MACs takes units and heads, and is proved`() throws {
    let network = try transformer()
    let compact = try Compressor(PlanSettings(target: .macs(0.5), units: .weakest)).compact(network)
    let cost = try compact.network.cost().macs
    #expect(try Double(cost) < 0.51 * Double(network.cost().macs))
    #expect(compact.network.matrixLayers.contains { $0.name == "fc1" && $0.shape[0] < 20 })
  }

  @Test func `channels that are shuffled between the axes of a split stay`() throws {
    var builder = NetworkBuilder(input: [3, 4, 4], seed: 1)
    var x = try builder.convolution(builder.input, "conv", units: 6, kernel: [1, 1])
    x = try builder.reshape(x, [2, 3, 4, 4])
    x = try builder.reshape(builder.transpose(x, [1, 0, 2, 3]), [6, 4, 4])
    let y = try builder.convolution(x, "next", units: 2, kernel: [1, 1])
    var network = try builder.finish(builder.linear(builder.flatten(y), "head", units: 5))
    let coupling = try network.channelCoupling()
    let units = try #require(coupling.axes.first { $0.parameter == "conv.weight" && $0.axis == 0 }).channels
    #expect(coupling.frozen.isSuperset(of: units))
    // What reads them reads each where it went.
    let read = try #require(coupling.axes.first { $0.parameter == "next.weight" && $0.axis == 1 }).channels
    #expect(read == [0, 3, 1, 4, 2, 5].map { units[$0] })
    network.set("conv.weight", [1], to: 0)
    #expect(try difference(network) { try narrowed($0) } == 0)
  }
}
