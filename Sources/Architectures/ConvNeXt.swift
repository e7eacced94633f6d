import Networks

/// ConvNeXt (Liu et al. 2022), with torchvision's names.
///
/// torchvision's stochastic depth, which acts in training only, is left out.
enum ConvNeXt {
  case tiny, small

  var blocks: [Int] { self == .tiny ? [3, 3, 9, 3] : [3, 3, 27, 3] }
}

extension NetworkBuilder {
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func convNeXt(_ variant: ConvNeXt, classes: Int) throws -> Network {
    var x = try convolution(input, "features.0.0", units: 96, kernel: [4, 4], stride: [4, 4], bias: true)
    x = try channelNorm(x, "features.0.1")
    for (stage, (units, blocks)) in zip([96, 192, 384, 768], variant.blocks).enumerated() {
      if stage > 0 {
        let name = "features.\(2 * stage)"
        x = try convolution(
          channelNorm(x, "\(name).0"), "\(name).1", units: units, kernel: [2, 2], stride: [2, 2], bias: true)
      }
      for block in 0..<blocks { x = try convNeXtBlock(x, "features.\(2 * stage + 1).\(block)", units: units) }
    }
    x = try flatten(channelNorm(globalAveragePool(x), "classifier.0"))
    return try finish(linear(x, "classifier.2", units: classes))
  }

  /// Layer normalisation of each pixel's channels.
  private mutating func channelNorm(_ x: String, _ name: String) throws -> String {
    try transpose(layerNorm(transpose(x, [1, 2, 0]), name, epsilon: 1e-6), [2, 0, 1])
  }

  private mutating func convNeXtBlock(_ x: String, _ name: String, units: Int) throws -> String {
    var y = try convolution(
      x, "\(name).block.0", units: units, kernel: [7, 7], padding: [3, 3], groups: units, bias: true)
    y = try layerNorm(transpose(y, [1, 2, 0]), "\(name).block.2", epsilon: 1e-6)
    y = try activation(linear(y, "\(name).block.3", units: 4 * units), .gelu(approximated: false))
    y = try transpose(linear(y, "\(name).block.5", units: units), [2, 0, 1])
    let scale = try trained("\(name).layer_scale", shape: [units, 1, 1], mean: 1e-6, deviation: 0)
    return try add(x, multiply(y, scale))
  }
}
