import Networks

/// The networks of Simonyan & Zisserman 2014 (table 1, configurations A, B, D and E).
enum VGG {
  case vgg11, vgg13, vgg16, vgg19

  /// Convolutions of each group, whose units are 64, 128, 256, 512 and 512.
  var convolutions: [Int] {
    switch self {
    case .vgg11: [1, 1, 2, 2, 2]
    case .vgg13: [2, 2, 2, 2, 2]
    case .vgg16: [2, 2, 3, 3, 3]
    case .vgg19: [2, 2, 4, 4, 4]
    }
  }
}

extension NetworkBuilder {
  /// VGG with or without batch norm; parameters have torchvision's names.
  ///
  /// From 224×224 pixels on it is torchvision's network: average pooling to 7×7 and a classifier of three layers with
  /// dropout. Pooling to 7×7 has equal windows at 224, 256 and the multiples of 224 only; other sizes are refused.
  /// Smaller images get the usual network for CIFAR: global average pooling (of one pixel at 32×32) and one linear
  /// layer called `classifier`.
  ///
  /// - Throws: `NetworkError` when the image is smaller than 32×32 pixels or its windows would differ.
  mutating func vgg(_ variant: VGG, batchNorm: Bool, classes: Int) throws -> Network {
    let x = try vggFeatures(variant, batchNorm: batchNorm)
    guard shape(of: input).dropFirst().allSatisfy({ $0 >= 224 }) else {
      return try pooledClassifier(x, "classifier", classes: classes)
    }
    var y = try flatten(pooledTo7x7(x))
    for name in ["classifier.0", "classifier.3"] {
      y = try dropout(relu(linear(y, name, units: 4096)), 0.5)
    }
    return try finish(linear(y, "classifier.6", units: classes))
  }

  /// Groups of 3×3 convolutions, numbered through with their batch norms, ReLUs and the max pooling after each group.
  private mutating func vggFeatures(_ variant: VGG, batchNorm: Bool) throws -> String {
    var x = input
    var index = 0
    for (units, count) in zip([64, 128, 256, 512, 512], variant.convolutions) {
      for _ in 0..<count {
        x = try convolution(x, "features.\(index)", units: units, kernel: [3, 3], padding: [1, 1], bias: true)
        if batchNorm { x = try self.batchNorm(x, "features.\(index + 1)") }
        x = try relu(x)
        index += batchNorm ? 3 : 2
      }
      x = try maxPool(x, 2)
      index += 1
    }
    return x
  }

  /// PyTorch's adaptive average pooling where it is an ordinary one: window i is ⌊i·n/7⌋ ..< ⌈(i + 1)·n/7⌉.
  private mutating func pooledTo7x7(_ x: String) throws -> String {
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
