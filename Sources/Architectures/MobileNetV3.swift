import Networks

/// MobileNet v3 (Howard et al. 2019, tables 1 and 2), with torchvision's names.
enum MobileNetV3 {
  case small, large

  /// One row of the tables.
  struct Block {
    var kernel: Int
    var expanded: Int
    var units: Int
    var hasGate: Bool
    var activation: Activation
    var stride: Int

    init(_ kernel: Int, _ expanded: Int, _ units: Int, gate: Bool, _ activation: Activation, _ stride: Int) {
      (self.kernel, self.expanded, self.units) = (kernel, expanded, units)
      (hasGate, self.activation, self.stride) = (gate, activation, stride)
    }
  }

  var blocks: [Block] {
    switch self {
    case .small:
      [
        Block(3, 16, 16, gate: true, .relu, 2), Block(3, 72, 24, gate: false, .relu, 2),
        Block(3, 88, 24, gate: false, .relu, 1), Block(5, 96, 40, gate: true, .hardSwish, 2),
        Block(5, 240, 40, gate: true, .hardSwish, 1), Block(5, 240, 40, gate: true, .hardSwish, 1),
        Block(5, 120, 48, gate: true, .hardSwish, 1), Block(5, 144, 48, gate: true, .hardSwish, 1),
        Block(5, 288, 96, gate: true, .hardSwish, 2), Block(5, 576, 96, gate: true, .hardSwish, 1),
        Block(5, 576, 96, gate: true, .hardSwish, 1),
      ]
    case .large:
      [
        Block(3, 16, 16, gate: false, .relu, 1), Block(3, 64, 24, gate: false, .relu, 2),
        Block(3, 72, 24, gate: false, .relu, 1), Block(5, 72, 40, gate: true, .relu, 2),
        Block(5, 120, 40, gate: true, .relu, 1), Block(5, 120, 40, gate: true, .relu, 1),
        Block(3, 240, 80, gate: false, .hardSwish, 2), Block(3, 200, 80, gate: false, .hardSwish, 1),
        Block(3, 184, 80, gate: false, .hardSwish, 1), Block(3, 184, 80, gate: false, .hardSwish, 1),
        Block(3, 480, 112, gate: true, .hardSwish, 1), Block(3, 672, 112, gate: true, .hardSwish, 1),
        Block(5, 672, 160, gate: true, .hardSwish, 2), Block(5, 960, 160, gate: true, .hardSwish, 1),
        Block(5, 960, 160, gate: true, .hardSwish, 1),
      ]
    }
  }

  /// Units of the layer before the classes.
  var lastUnits: Int { self == .small ? 1024 : 1280 }
}

extension NetworkBuilder {
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func mobileNetV3(_ variant: MobileNetV3, classes: Int) throws -> Network {
    let style = BlockStyle(activation: .hardSwish, norm: BatchNorm(epsilon: 1e-3, momentum: 0.01))
    var x = try convolutionBlock(input, "features.0", units: 16, stride: 2, style)
    for (index, block) in variant.blocks.enumerated() {
      x = try gatedBottleneck(x, "features.\(index + 1).block", block, style.norm)
    }
    let units = 6 * shape(of: x)[0]
    x = try convolutionBlock(x, "features.\(variant.blocks.count + 1)", units: units, kernel: 1, style)
    x = try linear(flatten(globalAveragePool(x)), "classifier.0", units: variant.lastUnits)
    return try finish(linear(dropout(activation(x, .hardSwish), 0.2), "classifier.3", units: classes))
  }

  private mutating func gatedBottleneck(
    _ x: String, _ name: String, _ block: MobileNetV3.Block, _ norm: BatchNorm
  ) throws -> String {
    let style = BlockStyle(activation: block.activation, norm: norm)
    let (inputs, wide) = (shape(of: x)[0], block.expanded)
    var (y, place) = (x, 0)
    if wide != inputs {
      y = try convolutionBlock(y, "\(name).0", units: wide, kernel: 1, style)
      place = 1
    }
    y = try convolutionBlock(
      y, "\(name).\(place)", units: wide, kernel: block.kernel, stride: block.stride, groups: wide, style)
    place += 1
    if block.hasGate {
      y = try squeezeExcitation(
        y, "\(name).\(place)", squeezed: channels(Double(wide) / 4), gate: .hardSigmoid(slope: 1.0 / 6, shift: 0.5))
      place += 1
    }
    y = try convolutionBlock(y, "\(name).\(place)", units: block.units, kernel: 1, style, activated: false)
    return block.stride == 1 && inputs == block.units ? try add(x, y) : y
  }
}
