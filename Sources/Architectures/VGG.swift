import Networks

extension Network {
  /// VGG-16 with batch norm (configuration D of Simonyan & Zisserman 2014); parameters have torchvision's names.
  ///
  /// From 224×224 pixels on it is torchvision's `vgg16_bn`: average pooling to 7×7 and a classifier of three layers
  /// with dropout. Pooling to 7×7 has equal windows at 224, 256 and the multiples of 224 only; other sizes are refused.
  /// Smaller images get the usual network for CIFAR: global average pooling (of one pixel at 32×32) and one linear
  /// layer called `classifier`.
  ///
  /// - Throws: `NetworkError` when the image is smaller than 32×32 pixels or its windows would differ.
  public static func vgg16(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    let x = try net.vggFeatures([[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]])
    guard shape.dropFirst().allSatisfy({ $0 >= 224 }) else {
      let pooled = try net.flatten(net.globalAveragePool(x))
      return try net.finish(net.linear(pooled, "classifier", units: classes))
    }
    var y = try net.flatten(net.pooledTo7x7(x))
    for name in ["classifier.0", "classifier.3"] {
      y = try net.dropout(net.relu(net.linear(y, name, units: 4096)), 0.5)
    }
    return try net.finish(net.linear(y, "classifier.6", units: classes))
  }
}

extension NetworkBuilder {
  /// Groups of 3×3 convolutions, numbered through with their batch norms, ReLUs and the max pooling after each group.
  fileprivate mutating func vggFeatures(_ groups: [[Int]]) throws -> String {
    var x = input
    var index = 0
    for group in groups {
      for units in group {
        let name = "features.\(index)"
        x = try convolution(x, name, units: units, kernel: [3, 3], padding: [1, 1], bias: true)
        x = try relu(batchNorm(x, "features.\(index + 1)"))
        index += 3
      }
      x = try maxPool(x, 2)
      index += 1
    }
    return x
  }

  /// PyTorch's adaptive average pooling where it is an ordinary one: window i is ⌊i·n/7⌋ ..< ⌈(i + 1)·n/7⌉.
  fileprivate mutating func pooledTo7x7(_ x: String) throws -> String {
    let sides = shape(of: x).dropFirst()
    if sides.allSatisfy({ $0 == 7 }) { return x }
    var (kernel, stride): ([Int], [Int]) = ([], [])
    for side in sides {
      let starts = (0..<7).map { $0 * side / 7 }
      let sizes = (0..<7).map { (($0 + 1) * side + 6) / 7 - starts[$0] }
      let steps = zip(starts.dropFirst(), starts).map { $0 - $1 }
      guard Set(sizes).count == 1, Set(steps).count == 1 else {
        let found = sides.map(String.init).joined(separator: "×")
        throw NetworkError(
          "cannot pool \(found) pixels to 7×7 in equal windows; give images of 224×224 or 256×256 pixels")
      }
      kernel.append(sizes[0])
      stride.append(steps[0])
    }
    return try averagePool(x, kernel: kernel, stride: stride)
  }
}
