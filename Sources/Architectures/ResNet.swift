import Networks

extension Network {
  /// A residual network for CIFAR of 6·`blocks` + 2 layers with option A shortcuts (He et al. 2015, section 4.2).
  ///
  /// Shortcuts that change the shape take every second pixel and pad the new channels with zeros, half on each side.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  public static func cifarResNet(blocks: Int, input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    return try net.cifarResNet(blocks: blocks, classes: classes)
  }
}

extension NetworkBuilder {
  mutating func cifarResNet(blocks: Int, classes: Int) throws -> Network {
    var x = try convolution(input, "conv1", units: 16, kernel: [3, 3], padding: [1, 1])
    x = try relu(batchNorm(x, "bn1"))
    for (stage, units) in [16, 32, 64].enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = try residualBlock(x, "layer\(stage + 1).\(block)", units: units, stride: stride)
      }
    }
    x = try flatten(globalAveragePool(x))
    return try finish(linear(x, "linear", units: classes))
  }
}

extension NetworkBuilder {
  /// Two 3×3 convolutions beside a shortcut.
  fileprivate mutating func residualBlock(_ x: String, _ name: String, units: Int, stride: Int) throws -> String {
    let steps = [stride, stride]
    var y = try convolution(x, "\(name).conv1", units: units, kernel: [3, 3], stride: steps, padding: [1, 1])
    y = try relu(batchNorm(y, "\(name).bn1"))
    y = try convolution(y, "\(name).conv2", units: units, kernel: [3, 3], padding: [1, 1])
    y = try batchNorm(y, "\(name).bn2")
    return try relu(add(y, optionA(x, units: units, stride: stride)))
  }

  /// The shortcut without parameters: every `stride`-th pixel, new channels zero.
  private mutating func optionA(_ x: String, units: Int, stride: Int) throws -> String {
    let channels = shape(of: x).first ?? 0
    guard stride > 1 || channels != units else { return x }
    var shortcut = x
    for axis in [1, 2] { shortcut = try append(Slice(axis: axis, step: stride), reading: [shortcut]) }
    let before = (units - channels) / 2
    return try append(Pad(axis: 0, before: before, after: units - channels - before), reading: [shortcut])
  }
}
