import Networks
import Testing
import Torch

/// A batch norm goes into the layer before it only where it scales that layer's units.
@Suite struct FoldingTests {
  private func expectSame(_ network: Network, norms: Int) throws {
    let folded = try network.foldingBatchNorm()
    #expect(folded.nodes.filter { $0.operation is BatchNorm }.count == norms)
    let images = Tensor.normal([3] + network.inputShape, using: Generator(seed: 1))
    expectClose(try folded(images), try network(images))
    expectClose(try Program(network, .inference(batch: 1))(images), try network(images))
  }

  /// A linear layer of `units` along the width of an image, or along positions, then a batch norm of its channels.
  private func mixer(units: Int, alongPositions: Bool) throws -> Network {
    var net = NetworkBuilder(input: [3, 4, 6], seed: 0)
    var x = try net.convolution(net.input, "patches", units: 5, kernel: [1, 1])
    if alongPositions { x = try net.append(Reshape([5, 24]), reading: [x]) }
    x = try net.batchNorm(net.linear(x, "mix", units: units), "norm")
    var network = try net.finish(net.linear(net.flatten(net.relu(x)), "fc", units: 3))
    for name in ["norm.running_mean", "norm.bias"] {
      network.parameters[name] = .normal([5], using: Generator(seed: 2))
    }
    network.parameters["norm.running_var"] = .uniform([5], in: 0.5...2, using: Generator(seed: 3))
    return network
  }

  @Test(arguments: [5, 7], [true, false])
  func `a linear layer along another axis than channels keeps the batch norm behind it`(
    units: Int, alongPositions: Bool
  ) throws {
    let network = try mixer(units: units, alongPositions: alongPositions)
    try expectSame(network, norms: 1)
    #expect(network.normalization(behind: "mix") == nil)
  }

  @Test func `a linear layer of a vector takes the batch norm behind it`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let x = try net.batchNorm(net.linear(net.flatten(net.input), "fc1", units: 6), "norm")
    var network = try net.finish(net.linear(net.relu(x), "fc2", units: 3))
    network.parameters["norm.running_mean"] = .normal([6], using: Generator(seed: 2))
    try expectSame(network, norms: 0)
    #expect(network.normalization(behind: "fc1")?.name == "norm")
  }

  @Test func `dropout behind a batch norm, or behind dropout, goes too`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let x = try net.batchNorm(net.convolution(net.input, "conv", units: 4, kernel: [3, 3]), "norm")
    let y = try net.dropout(net.dropout(x, 0.5), 0.5)
    let network = try net.finish(net.linear(net.flatten(net.relu(y)), "fc", units: 3))
    try expectSame(network, norms: 0)
    #expect(try !network.foldingBatchNorm().nodes.contains { $0.operation is Dropout })
  }

  @Test func `zeros around a vector or a list of tokens are no convolution`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let tokens = try net.append(
      Pad(axis: 0, before: 1, after: 2), reading: [net.append(Reshape([3, 16]), reading: [net.input])])
    let windows = try net.append(
      Slice(axis: 3, step: 2), reading: [net.append(Reshape([3, 2, 2, 4]), reading: [net.input])])
    let more = try net.flatten(net.append(Pad(axis: 0, before: 1, after: 1), reading: [windows]))
    let both = try net.append(Concatenate(), reading: [net.flatten(tokens), more])
    let x = try net.append(Pad(axis: 0, before: 2, after: 0), reading: [both])
    try expectSame(net.finish(net.linear(x, "fc", units: 3)), norms: 0)
  }

  @Test func `a convolution of something stored is added to every image`() throws {
    var net = NetworkBuilder(input: [3, 6, 6], seed: 0)
    let stored = try net.append(
      Stored(), "places", reading: [], parameters: [.weight: .normal([3, 6, 6], using: Generator(seed: 2))])
    let own = try net.convolution(net.input, "image", units: 3, kernel: [1, 1])
    let constant = try net.convolution(stored, "constant", units: 3, kernel: [1, 1])
    try expectSame(net.finish(net.linear(net.flatten(net.relu(net.add(own, constant))), "fc", units: 3)), norms: 0)
  }
}
