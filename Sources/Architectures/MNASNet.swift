import Networks

extension NetworkBuilder {
  /// MnasNet-B1 of width 1 (Tan et al. 2019), with torchvision's names.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func mnasNet(classes: Int) throws -> Network {
    let style = BlockStyle(norm: BatchNorm(momentum: 0.0003))
    var x = try normalized(input, "layers.0", "layers.1", units: 32, stride: 2, style)
    x = try normalized(x, "layers.3", "layers.4", units: 32, groups: 32, style)
    x = try normalized(x, "layers.6", "layers.7", units: 16, kernel: 1, style, activated: false)
    // (units, kernel, stride, expansion, blocks) of each stage.
    for (stage, (units, kernel, stride, expansion, blocks)) in [
      (24, 3, 2, 3, 3), (40, 5, 2, 3, 3), (80, 5, 2, 6, 3), (96, 3, 1, 6, 2), (192, 5, 2, 6, 4), (320, 3, 1, 6, 1),
    ].enumerated() {
      for block in 0..<blocks {
        let (name, read) = ("layers.\(stage + 8).\(block).layers", x)
        let wide = expansion * shape(of: x)[0]
        x = try normalized(x, "\(name).0", "\(name).1", units: wide, kernel: 1, style)
        x = try normalized(
          x, "\(name).3", "\(name).4", units: wide, kernel: kernel, stride: block == 0 ? stride : 1, groups: wide, style
        )
        x = try normalized(x, "\(name).6", "\(name).7", units: units, kernel: 1, style, activated: false)
        if block > 0 { x = try add(x, read) }
      }
    }
    x = try normalized(x, "layers.14", "layers.15", units: 1280, kernel: 1, style)
    return try pooledClassifier(x, "classifier.1", classes: classes, dropout: 0.2)
  }
}
