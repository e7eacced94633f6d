import Networks

extension Network {
  /// Dec3: three DecomposeMe blocks for characters (Alvarez & Petersson 2016; Alvarez & Salzmann 2017).
  ///
  /// Each block is a vertical and a horizontal 1-D convolution, each with batch norm and ReLU; units 32, 64, 128,
  /// kernel lengths 5, 5, 3; 2×2 max pooling after the first two blocks, global average pooling, one classifier.
  /// About 0.11 M parameters. `units` can be narrowed to make a small dense network of the same shape.
  ///
  /// - Throws: `NetworkError` when the image is smaller than 4×4 pixels.
  public static func dec3(
    input shape: [Int], classes: Int, units: [Int] = [32, 64, 128], seed: UInt64
  ) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    return try net.dec3(units: units, classes: classes)
  }
}

extension NetworkBuilder {
  mutating func dec3(units: [Int] = [32, 64, 128], classes: Int) throws -> Network {
    var x = input
    for (block, (units, length)) in zip(units, [5, 5, 3]).enumerated() {
      x = try decomposedBlock(x, "block\(block + 1)", units: units, length: length)
      if block < 2 { x = try maxPool(x, 2) }
    }
    x = try flatten(globalAveragePool(x))
    return try finish(linear(x, "linear", units: classes))
  }
}

extension NetworkBuilder {
  /// A vertical, then a horizontal 1-D convolution, each followed by batch norm and ReLU.
  mutating func decomposedBlock(_ x: String, _ name: String, units: Int, length: Int) throws -> String {
    let half = length / 2
    let vertical = try convolution(x, "\(name).conv_v", units: units, kernel: [length, 1], padding: [half, 0])
    let between = try relu(batchNorm(vertical, "\(name).bn_v"))
    let horizontal = try convolution(between, "\(name).conv_h", units: units, kernel: [1, length], padding: [0, half])
    return try relu(batchNorm(horizontal, "\(name).bn_h"))
  }
}
