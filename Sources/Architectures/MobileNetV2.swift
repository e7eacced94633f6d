import Networks

extension NetworkBuilder {
  /// MobileNet v2 of width 1 (Sandler et al. 2018, table 2), with torchvision's names.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func mobileNetV2(classes: Int) throws -> Network {
    let style = BlockStyle(activation: .cappedRelu(limit: 6))
    var x = try convolutionBlock(input, "features.0", units: 32, stride: 2, style)
    var index = 1
    // (expansion, units, blocks, stride) of each stage.
    for (expansion, units, blocks, stride) in [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ] {
      for block in 0..<blocks {
        x = try linearBottleneck(
          x, "features.\(index).conv", expansion: expansion, units: units, stride: block == 0 ? stride : 1, style)
        index += 1
      }
    }
    x = try convolutionBlock(x, "features.18", units: 1280, kernel: 1, style)
    return try pooledClassifier(x, "classifier.1", classes: classes, dropout: 0.2)
  }

  private mutating func linearBottleneck(
    _ x: String, _ name: String, expansion: Int, units: Int, stride: Int, _ style: BlockStyle
  ) throws -> String {
    let inputs = shape(of: x)[0]
    let wide = inputs * expansion
    var (y, place) = (x, 0)
    if expansion > 1 {
      y = try convolutionBlock(y, "\(name).0", units: wide, kernel: 1, style)
      place = 1
    }
    y = try convolutionBlock(y, "\(name).\(place)", units: wide, stride: stride, groups: wide, style)
    let (last, norm) = ("\(name).\(place + 1)", "\(name).\(place + 2)")
    y = try normalized(y, last, norm, units: units, kernel: 1, style, activated: false)
    return stride == 1 && inputs == units ? try add(x, y) : y
  }
}
