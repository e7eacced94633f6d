import Torch

extension Network {
  /// Strided pixels with channels of zeros around them, as in shortcuts without weights (option A of He et al., "Deep
  /// Residual Learning for Image Recognition", 2016), as one convolution whose 1×1 kernel is an identity.
  ///
  /// It gives the same numbers, as long as they are finite, but is one pass instead of three or more, which takes the
  /// addition and the ReLU behind it along. Only in float32, and where there are so few channels that multiplying costs
  /// less than passing over memory.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  func convolvingShortcuts() throws -> Network {
    let shapes = try validate()
    // Without parameters there is no telling what type images come in.
    guard !parameters.isEmpty, parameters.values.allSatisfy({ $0.dtype == .float32 }) else { return self }
    var result = self
    for node in nodes {
      guard shapes[node.name]?.count == 3, let shortcut = Shortcut(node, in: self),
        let channels = shapes[shortcut.input]?.first, let units = shapes[node.name]?.first,
        channels * units <= Shortcut.mostWeights
      else { continue }
      let name = "\(node.name).weight"
      guard parameters[name] == nil else { continue }
      result.nodes.removeAll { shortcut.absorbed.contains($0.name) }
      guard let index = result.nodes.firstIndex(where: { $0.name == node.name }) else { continue }
      result.nodes[index].operation = Convolution(ConvolutionGeometry(stride: shortcut.stride))
      result.nodes[index].inputs = [shortcut.input]
      result.nodes[index].parameters = [.weight: name]
      result.parameters[name] = Tensor.identity(channels).padded([
        0, 0, shortcut.before, units - channels - shortcut.before,
      ])
      .reshaped([units, channels, 1, 1])
    }
    return result
  }
}

/// Slices of every n-th pixel, from the first to the last, and channels of zeros around what they leave.
private struct Shortcut {
  /// Up to here multiplying costs less than the passes that it saves, by reckoning: 64 channels to 128.
  static let mostWeights = 8192

  /// The name of the value that it reads.
  let input: String
  /// Nodes that go, because nothing but this reads them.
  private(set) var absorbed: Set<String> = []
  private(set) var stride = [1, 1]
  /// Channels of zeros before those of the input.
  let before: Int

  /// - Parameter node: that pads.
  init?(_ node: Node, in network: Network) {
    guard let pad = node.operation as? Pad, pad.axis == 0, pad.value == 0 else { return nil }
    before = pad.before
    var name = node.inputs[0]
    while let source = network[name], let slice = source.operation as? Slice, slice.axis > 0, slice.start == 0,
      slice.end == nil, network.readers(of: name).count == 1, network.output != name
    {
      stride[slice.axis - 1] *= slice.step
      absorbed.insert(name)
      name = source.inputs[0]
    }
    input = name
  }
}
