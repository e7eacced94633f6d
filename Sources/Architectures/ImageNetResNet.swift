import Networks

/// The residual networks for ImageNet as torchvision builds and names them: those of He et al. 2015 (table 1), wide ones
/// (Zagoruyko & Komodakis 2016) and ResNeXt (Xie et al. 2017).
public enum ImageNetResNet: Sendable {
  case resnet18, resnet34, resnet50, resnet101, resnet152
  /// ResNet-50 whose inner convolutions are twice as wide.
  case wideResNet50
  /// ResNet-50 whose 3×3 convolutions are 32 groups of 4·2ⁿ channels.
  case resNeXt50

  /// Blocks in each of the four stages, whose units are 64, 128, 256 and 512.
  var blocks: [Int] {
    switch self {
    case .resnet18: [2, 2, 2, 2]
    case .resnet34, .resnet50, .wideResNet50, .resNeXt50: [3, 4, 6, 3]
    case .resnet101: [3, 4, 23, 3]
    case .resnet152: [3, 8, 36, 3]
    }
  }

  /// How many times its stage's units a block puts out; 4 for bottlenecks.
  var expansion: Int { self == .resnet18 || self == .resnet34 ? 1 : 4 }

  /// How many times its stage's units the 3×3 convolution of a bottleneck has.
  var width: Int { self == .wideResNet50 || self == .resNeXt50 ? 2 : 1 }

  var groups: Int { self == .resNeXt50 ? 32 : 1 }
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
    return try net.resNet(variant, classes: classes)
  }
}

extension NetworkBuilder {
  mutating func resNet(_ variant: ImageNetResNet, classes: Int) throws -> Network {
    var x = try stem(isSmall: shape(of: input).dropFirst().contains { $0 < 64 })
    for (stage, (units, blocks)) in zip([64, 128, 256, 512], variant.blocks).enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = try projectedBlock(x, "layer\(stage + 1).\(block)", variant, units: units, stride: stride)
      }
    }
    return try pooledClassifier(x, "fc", classes: classes)
  }

  private mutating func stem(isSmall: Bool) throws -> String {
    guard !isSmall else { return try normalized(input, "conv1", "bn1", units: 64) }
    return try maxPool(normalized(input, "conv1", "bn1", units: 64, kernel: 7, stride: 2), 3, stride: 2, padding: 1)
  }

  /// Two 3×3 convolutions, or 1×1, 3×3 and 1×1, beside a shortcut.
  private mutating func projectedBlock(
    _ x: String, _ name: String, _ variant: ImageNetResNet, units: Int, stride: Int
  ) throws -> String {
    let (outputs, inner) = (units * variant.expansion, units * variant.width)
    var y = x
    // (units, kernel, stride, groups) of each convolution.
    let basic = [(units, 3, stride, 1), (units, 3, 1, 1)]
    let bottleneck = [(inner, 1, 1, 1), (inner, 3, stride, variant.groups), (outputs, 1, 1, 1)]
    let convolutions = variant.expansion == 1 ? basic : bottleneck
    for (index, (units, kernel, stride, groups)) in convolutions.enumerated() {
      y = try normalized(
        y, "\(name).conv\(index + 1)", "\(name).bn\(index + 1)", units: units, kernel: kernel, stride: stride,
        groups: groups, activated: index + 1 < convolutions.count)
    }
    guard stride > 1 || self.shape(of: x).first != outputs else { return try relu(add(y, x)) }
    let (projection, norm) = ("\(name).downsample.0", "\(name).downsample.1")
    let shortcut = try normalized(x, projection, norm, units: outputs, kernel: 1, stride: stride, activated: false)
    return try relu(add(y, shortcut))
  }
}
