import Networks

/// RegNetY (Radosavovic et al. 2020), with torchvision's names.
enum RegNet {
  case y400MF, y8GF

  /// (units, blocks) of each stage: what the paper's linear rule comes to for the variant.
  var stages: [(units: Int, blocks: Int)] {
    switch self {
    case .y400MF: [(48, 1), (104, 3), (208, 6), (440, 6)]
    case .y8GF: [(224, 2), (448, 4), (896, 10), (2016, 1)]
    }
  }

  var groupWidth: Int { self == .y400MF ? 8 : 56 }
}

extension NetworkBuilder {
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func regNet(_ variant: RegNet, classes: Int) throws -> Network {
    var x = try convolutionBlock(input, "stem", units: 32, stride: 2, BlockStyle())
    for (stage, (units, blocks)) in variant.stages.enumerated() {
      for block in 0..<blocks {
        let name = "trunk_output.block\(stage + 1).block\(stage + 1)-\(block)"
        x = try gatedBlock(
          x, name, units: units, groups: units / variant.groupWidth, stride: block == 0 ? 2 : 1)
      }
    }
    return try pooledClassifier(x, "fc", classes: classes)
  }

  private mutating func gatedBlock(
    _ x: String, _ name: String, units: Int, groups: Int, stride: Int
  ) throws -> String {
    let (inputs, style) = (shape(of: x)[0], BlockStyle())
    var shortcut = x
    if stride > 1 || inputs != units {
      shortcut = try convolutionBlock(
        x, "\(name).proj", units: units, kernel: 1, stride: stride, style, activated: false)
    }
    var y = try convolutionBlock(x, "\(name).f.a", units: units, kernel: 1, style)
    y = try convolutionBlock(y, "\(name).f.b", units: units, stride: stride, groups: groups, style)
    // A quarter of what the block reads, .5 to the even number as in Python.
    let squeezed = Int((Double(inputs) / 4).rounded(.toNearestOrEven))
    y = try squeezeExcitation(y, "\(name).f.se", squeezed: squeezed)
    y = try convolutionBlock(y, "\(name).f.c", units: units, kernel: 1, style, activated: false)
    return try relu(add(shortcut, y))
  }
}
