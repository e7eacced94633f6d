import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

/// Removing what is removable changes nothing, in float64 and with batch norms as after a training.
@Suite struct RemovableChannelsTests {
  private func shape(_ network: Network, _ parameter: String) -> [Int]? { network.parameters[parameter]?.shape }

  @Test func `a network without removable units stays as it is`() throws {
    let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    #expect(try RemovableChannels(in: network).channels.isEmpty)
    #expect(try narrowed(network).parameters.mapValues(\.shape) == network.parameters.mapValues(\.shape))
  }

  @Test func `removable units of dec3 go and change nothing`() throws {
    var network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [8, 12, 16], seed: 1).withRandomBatchNorm()
    network.zero("block1.conv_h", "block1.bn_h", [0, 7])
    network.zero("block2.conv_v", "block2.bn_v", [3])
    network.zero("block3.conv_h", "block3.bn_h", [1, 2, 15])
    let small = try narrowed(network)
    #expect(shape(small, "block1.conv_h.weight") == [6, 8, 1, 5])
    #expect(shape(small, "block2.conv_v.weight") == [11, 6, 5, 1])
    #expect(shape(small, "block2.bn_v.running_mean") == [11])
    #expect(shape(small, "linear.weight") == [5, 13])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `removable units of lenet5 go through its flattening`() throws {
    var network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    for (layer, units) in [("conv1", [2]), ("conv2", [0, 15]), ("fc1", [5, 6, 7])] {
      network.set("\(layer).weight", units, to: 0)
      network.set("\(layer).bias", units, to: 0)
    }
    let small = try narrowed(network)
    #expect(shape(small, "conv2.weight") == [14, 5, 5, 5])
    #expect(shape(small, "fc1.weight") == [117, 14 * 25])
    #expect(shape(small, "fc2.weight") == [84, 117])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  private func resnet20() throws -> Network {
    try Network.cifarResNet(blocks: 3, input: [3, 32, 32], classes: 10, seed: 2).withRandomBatchNorm()
  }

  /// Makes channel `index` of stage 1, and what is coupled with it, zero.
  private func zeroCoupled(_ index: Int, in network: inout Network) {
    network.zero("conv1", "bn1", [index])
    for (stage, offset) in [(1, 0), (2, 8), (3, 24)] {
      for block in 0..<3 {
        network.zero("layer\(stage).\(block).conv2", "layer\(stage).\(block).bn2", [index + offset])
      }
    }
  }

  @Test func `a channel group of resnet20 goes as a whole and its pads are counted again`() throws {
    var network = try resnet20()
    zeroCoupled(3, in: &network)
    // A channel that stage 2 has in its pad before, and one of stage 3 alone, in its pad behind.
    for block in 0..<3 {
      network.zero("layer2.\(block).conv2", "layer2.\(block).bn2", [5])
      network.zero("layer3.\(block).conv2", "layer3.\(block).bn2", [21, 63])
    }
    network.zero("layer1.1.conv1", "layer1.1.bn1", [0, 1])
    let small = try narrowed(network)
    #expect(shape(small, "conv1.weight") == [15, 3, 3, 3])
    #expect(shape(small, "layer2.2.conv2.weight") == [30, 32, 3, 3])
    #expect(shape(small, "layer3.2.conv2.weight") == [61, 64, 3, 3])
    #expect(shape(small, "layer1.1.conv2.weight") == [15, 14, 3, 3])
    #expect(shape(small, "linear.weight") == [10, 61])
    let pads = small.nodes.compactMap { $0.operation as? Pad }
    #expect(pads == [Pad(axis: 0, before: 7, after: 8), Pad(axis: 0, before: 16, after: 15)])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `one removable member of a channel group is not enough`() throws {
    var network = try resnet20()
    network.zero("layer1.0.conv2", "layer1.0.bn2", [3])
    #expect(try RemovableChannels(in: network).channels.isEmpty)
  }

  @Test func `removing a unit that is not removable does change something`() throws {
    let network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [8, 12, 16], seed: 1).withRandomBatchNorm()
    let coupling = try network.channelCoupling()
    let channel = coupling.representative(try #require(coupling.channels["block2.conv_v"])[0])
    #expect(try difference(network) { try $0.narrowed(removing: [channel], coupling) } > 1e-6)
  }

  /// Concatenation, slice, depthwise and grouped convolutions behind each other, without padding.
  private func mixed() throws -> Network {
    var net = NetworkBuilder(input: [2, 8, 8], seed: 4)
    let a = try net.relu(
      net.batchNorm(net.convolution(net.input, "a", units: 4, kernel: [3, 3], padding: [1, 1]), "na"))
    let b = try net.relu(
      net.batchNorm(net.convolution(net.input, "b", units: 6, kernel: [3, 3], padding: [1, 1]), "nb"))
    let both = try net.concatenate([a, b])
    let part = try net.append(Slice(axis: 0, start: 1, end: 9), "part", reading: [both])
    let deep = try net.relu(
      net.batchNorm(net.convolution(part, "d", units: 8, kernel: [3, 3], padding: [1, 1], groups: 8), "nd"))
    let mix = try net.convolution(net.concatenate([deep, a]), "m", units: 8, kernel: [1, 1])
    let grouped = try net.batchNorm(
      net.convolution(net.relu(net.batchNorm(mix, "nm")), "g", units: 4, kernel: [3, 3], groups: 4), "ng")
    let x = try net.convolution(net.relu(grouped), "e", units: 5, kernel: [1, 1], bias: true)
    return try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "out", units: 3)).withRandomBatchNorm()
  }

  @Test func `concatenation, slice, depthwise and grouped convolutions lose their removable channels`() throws {
    var network = try mixed()
    // b's channel 2 is part's 5 and the depthwise unit 5; b's channel 5 is cut away by the slice.
    network.zero("b", "nb", [2, 5])
    network.zero("d", "nd", [5])
    // Group 1 of the grouped convolution: its two inputs and its unit.
    network.zero("m", "nm", [2, 3])
    network.zero("g", "ng", [1])
    let small = try narrowed(network)
    #expect(shape(small, "b.weight") == [4, 2, 3, 3])
    #expect((small["part"]?.operation as? Slice) == Slice(axis: 0, start: 1, end: 8))
    #expect(shape(small, "d.weight") == [7, 1, 3, 3])
    #expect((small["d"]?.operation as? Convolution)?.geometry.groups == 7)
    #expect(shape(small, "m.weight") == [6, 11, 1, 1])
    #expect((small["g"]?.operation as? Convolution)?.geometry.groups == 3)
    #expect(shape(small, "g.weight") == [3, 2, 3, 3])
    #expect(shape(small, "e.weight") == [5, 3, 1, 1])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `half a group is not enough`() throws {
    var network = try mixed()
    network.zero("m", "nm", [2])
    #expect(try shape(narrowed(network), "m.weight")?[0] == 8)
    #expect(try shape(narrowed(network), "g.weight") == [4, 2, 3, 3])
  }

  @Test func `a slice keeps a channel when all of its channels are removable`() throws {
    var net = NetworkBuilder(input: [2, 6, 6], seed: 4)
    let x = try net.relu(net.batchNorm(net.convolution(net.input, "first", units: 4, kernel: [1, 1]), "norm"))
    let halves = try (0..<2).map { try net.append(Slice(axis: 0, start: 2 * $0, end: 2 * $0 + 2), reading: [x]) }
    let y = try net.convolution(halves[0], "left", units: 2, kernel: [1, 1], bias: true)
    let z = try net.convolution(halves[1], "right", units: 2, kernel: [1, 1], bias: true)
    let flat = try net.flatten(net.globalAveragePool(net.add(y, z)))
    var network = try net.finish(net.linear(flat, "out", units: 3)).withRandomBatchNorm()
    network.zero("first", "norm", [0, 1])
    #expect(try shape(narrowed(network), "left.weight") == [2, 1, 1, 1])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `two nodes that share a weight and a bias take constants into biases of their own`() throws {
    var net = NetworkBuilder(input: [2, 6, 6], seed: 4)
    func branch(_ name: String) throws -> String {
      let x = try net.batchNorm(net.convolution(net.input, name, units: 3, kernel: [1, 1]), "n\(name)")
      return try net.convolution(x, "\(name)2", units: 2, kernel: [1, 1], bias: true)
    }
    let x = try net.concatenate([branch("a"), branch("b")])
    var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "out", units: 3))
      .withRandomBatchNorm()
    let shared = network.nodes.firstIndex { $0.name == "b2" } ?? 0
    network.nodes[shared].parameters = network["a2"]?.parameters ?? [:]
    for (name, value) in [("na", 0.5), ("nb", 2)] {
      network.set("\(name).weight", [1], to: 0)
      network.set("\(name).bias", [1], to: value)
    }
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  /// Two convolutions, each with a PReLU behind it, and one that sees the largest of its channels.
  private func sloped() throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    func prelu(_ x: String, _ name: String) throws -> String {
      let count = net.shape(of: x)[0]
      let slopes = (0..<count).map { 0.1 * Double($0) - 0.2 }
      return try net.append(
        PReLU(isShared: false), name, reading: [x], parameters: [.weight: Tensor(slopes, shape: [count]).to(.float32)])
    }
    var x = try net.convolution(net.input, "a", units: 6, kernel: [3, 3], bias: true)
    x = try net.convolution(prelu(x, "act1"), "b", units: 8, kernel: [3, 3], bias: true)
    x = try net.globalAveragePool(prelu(x, "act2"))
    return try net.finish(net.linear(net.flatten(x), "head", units: 4))
  }

  @Test func `slopes go with their units, of which constants below zero move on by the slope`() throws {
    var network = try sloped()
    network.set("a.weight", [0, 4], to: 0)
    network.set("a.bias", [0, 4], to: -2)
    network.set("b.weight", [5, 7], to: 0)
    network.set("b.bias", [7], to: 0)
    let small = try narrowed(network)
    #expect(shape(small, "a.weight") == [4, 3, 3, 3] && shape(small, "act1.weight") == [4])
    #expect(shape(small, "b.weight") == [6, 4, 3, 3] && shape(small, "act2.weight") == [6])
    #expect(abs((small.parameters["act1.weight"]?.doubles ?? [])[0] + 0.1) < 1e-6)
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `a network with slopes is compressed, and slopes are in no group`() throws {
    let network = try sloped()
    let groups = try ChannelGroups(of: network, leavingOut: { _ in false })
    #expect(!groups.all.flatMap(\.members).contains { $0.parameter.hasPrefix("act") })
    let compact = try Compressor(PlanSettings(target: .parameters(0.5), units: .weakest), skip: []).compact(network)
    #expect(throws: Never.self) { try EqualityProof(reference: compact.truncated, candidate: compact.network) }
  }

  @Test func `channels whose maximum is taken stay, even those of zeros`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "a", units: 6, kernel: [3, 3])
    let largest = try net.append(Maximum(axes: [0]), reading: [x])
    let apart = try net.append(Elementwise.subtract, reading: [x, largest])
    var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(apart)), "head", units: 4))
    network.set("a.weight", [1], to: 0)
    #expect(try narrowed(network).parameters["a.weight"]?.shape == [6, 3, 3, 3])
  }
}
