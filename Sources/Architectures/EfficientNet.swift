import Networks

/// EfficientNet (Tan & Le 2019) and EfficientNet v2 (Tan & Le 2021), with torchvision's names.
///
/// torchvision's stochastic depth, which acts in training only, is left out.
enum EfficientNet {
  case b0, b1, b2, b3, v2Small

  /// One stage of equal blocks.
  struct Stage {
    /// Whether expansion and depthwise convolution are one ordinary convolution.
    var isFused = false
    var expansion: Int
    var kernel: Int
    var stride: Int
    var units: Int
    var blocks: Int

    init(_ expansion: Int, kernel: Int, stride: Int, _ units: Int, blocks: Int, isFused: Bool = false) {
      (self.expansion, self.kernel, self.stride) = (expansion, kernel, stride)
      (self.units, self.blocks, self.isFused) = (units, blocks, isFused)
    }
  }

  /// By how much B0's units and blocks are multiplied.
  private var factors: (width: Double, depth: Double) {
    switch self {
    case .b0, .v2Small: (1, 1)
    case .b1: (1, 1.1)
    case .b2: (1.1, 1.2)
    case .b3: (1.2, 1.4)
    }
  }

  var stages: [Stage] {
    guard self != .v2Small else {
      return [
        Stage(1, kernel: 3, stride: 1, 24, blocks: 2, isFused: true),
        Stage(4, kernel: 3, stride: 2, 48, blocks: 4, isFused: true),
        Stage(4, kernel: 3, stride: 2, 64, blocks: 4, isFused: true), Stage(4, kernel: 3, stride: 2, 128, blocks: 6),
        Stage(6, kernel: 3, stride: 1, 160, blocks: 9), Stage(6, kernel: 3, stride: 2, 256, blocks: 15),
      ]
    }
    let first = [
      Stage(1, kernel: 3, stride: 1, 16, blocks: 1), Stage(6, kernel: 3, stride: 2, 24, blocks: 2),
      Stage(6, kernel: 5, stride: 2, 40, blocks: 2), Stage(6, kernel: 3, stride: 2, 80, blocks: 3),
      Stage(6, kernel: 5, stride: 1, 112, blocks: 3), Stage(6, kernel: 5, stride: 2, 192, blocks: 4),
      Stage(6, kernel: 3, stride: 1, 320, blocks: 1),
    ]
    return first.map { stage in
      var stage = stage
      stage.units = channels(Double(stage.units) * factors.width)
      stage.blocks = Int((Double(stage.blocks) * factors.depth).rounded(.up))
      return stage
    }
  }

  var firstUnits: Int { self == .v2Small ? 24 : channels(32 * factors.width) }

  var lastUnits: Int { self == .v2Small ? 1280 : 4 * (stages.last?.units ?? 0) }

  var dropout: Double { self == .b2 || self == .b3 ? 0.3 : 0.2 }
}

extension NetworkBuilder {
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func efficientNet(_ variant: EfficientNet, classes: Int) throws -> Network {
    let style = BlockStyle(activation: .silu, norm: BatchNorm(epsilon: variant == .v2Small ? 1e-3 : 1e-5))
    var x = try convolutionBlock(input, "features.0", units: variant.firstUnits, stride: 2, style)
    for (index, stage) in variant.stages.enumerated() {
      for block in 0..<stage.blocks {
        let (read, name, stride) = (x, "features.\(index + 1).\(block).block", block == 0 ? stage.stride : 1)
        x =
          stage.isFused
          ? try fusedBlock(x, name, stage, stride: stride, style)
          : try mobileBlock(x, name, stage, stride: stride, style)
        if stride == 1, shape(of: read)[0] == stage.units { x = try add(read, x) }
      }
    }
    x = try convolutionBlock(x, "features.\(variant.stages.count + 1)", units: variant.lastUnits, kernel: 1, style)
    return try pooledClassifier(x, "classifier.1", classes: classes, dropout: variant.dropout)
  }

  private mutating func mobileBlock(
    _ x: String, _ name: String, _ stage: EfficientNet.Stage, stride: Int, _ style: BlockStyle
  ) throws -> String {
    let inputs = shape(of: x)[0]
    let wide = inputs * stage.expansion
    var (y, place) = (x, 0)
    if stage.expansion > 1 {
      y = try convolutionBlock(y, "\(name).0", units: wide, kernel: 1, style)
      place = 1
    }
    y = try convolutionBlock(
      y, "\(name).\(place)", units: wide, kernel: stage.kernel, stride: stride, groups: wide, style)
    y = try squeezeExcitation(y, "\(name).\(place + 1)", squeezed: max(1, inputs / 4), activation: .silu)
    return try convolutionBlock(y, "\(name).\(place + 2)", units: stage.units, kernel: 1, style, activated: false)
  }

  private mutating func fusedBlock(
    _ x: String, _ name: String, _ stage: EfficientNet.Stage, stride: Int, _ style: BlockStyle
  ) throws -> String {
    let wide = shape(of: x)[0] * stage.expansion
    guard stage.expansion > 1 else {
      return try convolutionBlock(x, "\(name).0", units: stage.units, kernel: stage.kernel, stride: stride, style)
    }
    let y = try convolutionBlock(x, "\(name).0", units: wide, kernel: stage.kernel, stride: stride, style)
    return try convolutionBlock(y, "\(name).1", units: stage.units, kernel: 1, style, activated: false)
  }
}
