import Networks

/// The residual networks for ImageNet (He et al. 2015, table 1), as torchvision builds and names them.
public enum ImageNetResNet: Sendable {
  case resnet18, resnet34, resnet50

  /// Blocks in each of the four stages, whose units are 64, 128, 256 and 512.
  var blocks: [Int] {
    switch self {
    case .resnet18: [2, 2, 2, 2]
    case .resnet34, .resnet50: [3, 4, 6, 3]
    }
  }

  /// How many times its units a block puts out; 4 for bottlenecks.
  var expansion: Int { self == .resnet50 ? 4 : 1 }
}

extension Network {
  /// A residual network with projection shortcuts; parameters have torchvision's names.
  ///
  /// Images of 64×64 pixels and more get ImageNet's stem (7×7 with stride 2, 3×3 max pooling with stride 2), smaller
  /// ones the usual one for CIFAR: 3×3 with stride 1 and no pooling. Bottlenecks have their stride in the 3×3
  /// convolution, as torchvision has it, not in the first 1×1 as in the paper.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  public static func resNet(
    _ variant: ImageNetResNet, input shape: [Int], classes: Int, seed: UInt64
  ) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    var x = try net.stem(isSmall: shape.dropFirst().contains { $0 < 64 })
    for (stage, (units, blocks)) in zip([64, 128, 256, 512], variant.blocks).enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        let name = "layer\(stage + 1).\(block)"
        x = try net.projectedBlock(x, name, units: units, expansion: variant.expansion, stride: stride)
      }
    }
    x = try net.flatten(net.globalAveragePool(x))
    return try net.finish(net.linear(x, "fc", units: classes))
  }
}

extension NetworkBuilder {
  fileprivate mutating func stem(isSmall: Bool) throws -> String {
    guard !isSmall else { return try relu(normalized(input, "conv1", "bn1", units: 64, kernel: 3)) }
    let x = try relu(normalized(input, "conv1", "bn1", units: 64, kernel: 7, stride: 2))
    return try maxPool(x, 3, stride: 2, padding: 1)
  }

  /// Two 3×3 convolutions, or 1×1, 3×3 and 1×1 with `expansion` times the units, beside a shortcut.
  fileprivate mutating func projectedBlock(
    _ x: String, _ name: String, units: Int, expansion: Int, stride: Int
  ) throws -> String {
    let outputs = units * expansion
    var y = x
    // (units, kernel, stride) of each convolution.
    let basic = [(units, 3, stride), (units, 3, 1)]
    let bottleneck = [(units, 1, 1), (units, 3, stride), (outputs, 1, 1)]
    for (index, (units, kernel, stride)) in (expansion == 1 ? basic : bottleneck).enumerated() {
      if index > 0 { y = try relu(y) }
      let (convolution, norm) = ("\(name).conv\(index + 1)", "\(name).bn\(index + 1)")
      y = try normalized(y, convolution, norm, units: units, kernel: kernel, stride: stride)
    }
    guard stride > 1 || self.shape(of: x).first != outputs else { return try relu(add(y, x)) }
    let (projection, norm) = ("\(name).downsample.0", "\(name).downsample.1")
    return try relu(add(y, normalized(x, projection, norm, units: outputs, kernel: 1, stride: stride)))
  }

  /// A k×k convolution with as much padding as keeps the size, and its batch norm.
  private mutating func normalized(
    _ x: String, _ name: String, _ norm: String, units: Int, kernel: Int, stride: Int = 1
  ) throws -> String {
    let half = kernel / 2
    let y = try convolution(
      x, name, units: units, kernel: [kernel, kernel], stride: [stride, stride], padding: [half, half])
    return try batchNorm(y, norm)
  }
}
