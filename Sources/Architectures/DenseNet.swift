import Networks

extension NetworkBuilder {
  /// DenseNet-121 (Huang et al. 2017, table 1; growth 32), with torchvision's names.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func denseNet121(classes: Int) throws -> Network {
    var x = try normalized(input, "features.conv0", "features.norm0", units: 64, kernel: 7, stride: 2)
    x = try maxPool(x, 3, stride: 2, padding: 1)
    for (index, layers) in [6, 12, 24, 16].enumerated() {
      if index > 0 {
        let name = "features.transition\(index)"
        x = try relu(batchNorm(x, "\(name).norm"))
        x = try convolution(x, "\(name).conv", units: shape(of: x)[0] / 2, kernel: [1, 1])
        x = try averagePool(x, kernel: [2, 2], stride: [2, 2])
      }
      var values = [x]
      for layer in 1...layers {
        let name = "features.denseblock\(index + 1).denselayer\(layer)"
        values.append(try denseLayer(values, name))
      }
      x = try concatenate(values)
    }
    return try pooledClassifier(relu(batchNorm(x, "features.norm5")), "classifier", classes: classes)
  }

  /// 32 new channels from all before, through 128.
  private mutating func denseLayer(_ values: [String], _ name: String) throws -> String {
    let x = values.count > 1 ? try concatenate(values) : values[0]
    var y = try relu(batchNorm(x, "\(name).norm1"))
    y = try relu(batchNorm(convolution(y, "\(name).conv1", units: 128, kernel: [1, 1]), "\(name).norm2"))
    return try convolution(y, "\(name).conv2", units: 32, kernel: [3, 3], padding: [1, 1])
  }
}
