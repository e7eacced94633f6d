import Networks

extension Network {
  /// Dec8: eight DecomposeMe blocks, pooling and one classifier (Alvarez & Petersson 2016; Alvarez & Salzmann 2017).
  ///
  /// From the papers: eight decomposed layers in the manner of VGG-B, average pooling and a single classifier instead
  /// of VGG's three, and a variant with 512 units. Ours, for want of their tables: kernel length 3 throughout, the
  /// grouping of VGG's configuration A (blocks 1 | 2 | 3, 4 | 5, 6 | 7, 8 with 2×2 max pooling between the groups),
  /// units 64, 128, 256, 256 and four times `widest`, batch norm after every 1-D convolution as in `dec3`.
  ///
  /// - Parameter widest: units of the last four blocks.
  /// - Throws: `NetworkError` when the image is smaller than 16×16 pixels.
  public static func dec8(input shape: [Int], classes: Int, widest: Int = 256, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    return try net.dec8(widest: widest, classes: classes)
  }
}

extension NetworkBuilder {
  mutating func dec8(widest: Int = 256, classes: Int) throws -> Network {
    var x = input
    for (block, units) in ([64, 128, 256, 256] + Array(repeating: widest, count: 4)).enumerated() {
      if [1, 2, 4, 6].contains(block) { x = try maxPool(x, 2) }
      x = try decomposedBlock(x, "block\(block + 1)", units: units, length: 3)
    }
    x = try flatten(globalAveragePool(x))
    return try finish(linear(x, "linear", units: classes))
  }
}
