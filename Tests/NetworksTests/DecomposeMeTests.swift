import Architectures
import Networks
import Testing
import Torch

@Suite struct DecomposeMeTests {
  /// A 3×3 convolution of 8 inputs and 16 units with stride 2 on 10×12 pixels, and what follows it.
  private func layer(bias: Bool = false, norm: Bool = false) throws -> Network {
    var net = NetworkBuilder(input: [8, 10, 12], seed: 0)
    var x = try net.convolution(
      net.input, "conv", units: 16, kernel: [3, 3], stride: [2, 2], padding: [1, 1], bias: bias)
    if norm { x = try net.batchNorm(x, "bn") }
    return try net.finish(net.relu(x))
  }

  /// Small enough to be quick, large enough for all.
  private func network(_ name: Catalogue) throws -> Network {
    try name.network(input: [3, 32, 32], classes: 10, seed: 0)
  }

  @Test func `a layer costs what is computed by hand`() throws {
    let cost = try layer().decomposed(seed: 0).cost()
    #expect(cost.parameters == 16 * 8 * 3 + 16 * 16 * 3)
    // The vertical part gives 5×12 pixels, the horizontal one 5×6.
    #expect(cost.macs == 16 * 8 * 3 * 5 * 12 + 16 * 16 * 3 * 5 * 6)
  }

  @Test func `stride, padding and dilation are split by axis`() throws {
    var network = try layer()
    network.nodes[0].operation = Convolution(
      ConvolutionGeometry(stride: [2, 3], padding: [4, 1], dilation: [2, 1]))
    let parts = try network.decomposed(seed: 0).nodes.compactMap { ($0.operation as? Convolution)?.geometry }
    #expect(
      parts == [
        ConvolutionGeometry(stride: [2, 1], padding: [4, 0], dilation: [2, 1]),
        ConvolutionGeometry(stride: [1, 3], padding: [0, 1], dilation: [1, 1]),
      ])
  }

  @Test func `batch norm and ReLU stand between the two where a batch norm follows, else ReLU alone`() throws {
    #expect(try layer().decomposed(seed: 0).nodes.map(\.name) == ["conv_v", "conv_relu", "conv_h", "activation1"])
    let normed = try layer(norm: true).decomposed(seed: 0)
    #expect(normed.nodes.map(\.name) == ["conv_v", "bn_v", "conv_relu", "conv_h", "bn", "activation1"])
    #expect(normed.parameters["bn_v.running_var"]?.doubles == Array(repeating: 1, count: 16))
  }

  @Test func `both parts have a bias where the convolution has one`() throws {
    let network = try layer(bias: true).decomposed(seed: 0)
    #expect(network.parameters["conv_v.bias"]?.doubles == Array(repeating: 0, count: 16))
    #expect(network.parameters["conv_h.bias"]?.shape == [16])
    #expect(network.parameters["conv.bias"] == nil && network.parameters["conv.weight"] == nil)
  }

  @Test func `the output may be a decomposed convolution`() throws {
    var network = try layer()
    (network.output, network.nodes) = ("conv", Array(network.nodes.prefix(1)))
    #expect(try network.decomposed(seed: 0).output == "conv_h")
  }

  @Test func `what is pointwise, oblong, grouped, shared or left out stays`() throws {
    var net = NetworkBuilder(input: [4, 9, 9], seed: 0)
    var x = try net.convolution(net.input, "pointwise", units: 4, kernel: [1, 1])
    x = try net.convolution(x, "oblong", units: 4, kernel: [3, 1])
    x = try net.convolution(x, "grouped", units: 4, kernel: [3, 3], groups: 2)
    x = try net.convolution(x, "left", units: 4, kernel: [2, 2])
    x = try net.convolution(x, "shared", units: 4, kernel: [2, 2])
    var network = try net.finish(x)
    var twin = network.nodes[4]
    (twin.name, twin.inputs) = ("twin", ["shared"])
    network.nodes.append(twin)
    network.output = "twin"
    #expect(try network.decomposed(seed: 0) { $0 == "left" }.nodes.map(\.name) == network.nodes.map(\.name))
  }

  @Test(arguments: Catalogue.allCases)
  func `in every architecture all other values keep their shapes`(name: Catalogue) throws {
    let network = try name.withoutWeights(input: name.usual.shape, classes: 10)
    let (before, decomposed) = (try network.validate(), try network.decomposed(seed: 1))
    let after = try decomposed.validate()
    for (value, shape) in before { #expect((after[value] ?? after["\(value)_h"]) == shape, "\(value)") }
    let whole = decomposed.nodes.filter { ($0.operation as? Convolution)?.groups == 1 }
    let kernels = whole.compactMap {
      decomposed.parameter(.weight, of: $0)?.shape.suffix(2)
    }
    #expect(kernels.allSatisfy { $0.contains(1) })
  }

  @Test func `nothing but the decomposed layers changes`() throws {
    let network = try network(.resnet18)
    let decomposed = try network.decomposed(seed: 1)
    for name in ["layer2.0.downsample.0.weight", "fc.weight", "layer1.0.bn1.weight"] {
      #expect(decomposed.parameters[name]?.doubles == network.parameters[name]?.doubles)
    }
    #expect(Set(decomposed.parameterNames) == Set(decomposed.parameters.keys))
  }

  @Test func `the units between the parts are a channel group of their own and the others stay coupled`() throws {
    let network = try network(.resnet18).decomposed(seed: 1)
    let coupling = try network.channelCoupling()
    func channels(_ value: String) -> [Channel] { (coupling.channels[value] ?? []).map(coupling.representative) }
    #expect(channels("layer1.1.conv2_h") == channels("conv1_h"))
    #expect(channels("layer2.0.conv2_h") == channels("layer2.0.downsample.0"))
    #expect(Set(channels("layer1.1.conv2_v")).isDisjoint(with: channels("layer1.1.conv2_h")))
    #expect(channels("layer1.1.conv2_v") == channels("layer1.1.bn2_v"))
  }

  @Test func `equal seeds give equal weights and other seeds do not`() throws {
    func weights(_ seed: UInt64) throws -> [Double]? {
      try layer().decomposed(seed: seed).parameters["conv_h.weight"]?.doubles
    }
    #expect(try weights(1) == weights(1))
    #expect(try weights(1) != weights(2))
  }
}
