import Networks

extension NetworkBuilder {
  /// ShuffleNet v2 of width 1 (Ma et al. 2018, table 5), with torchvision's names.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func shuffleNetV2(classes: Int) throws -> Network {
    var x = try convolutionBlock(input, "conv1", units: 24, stride: 2, BlockStyle())
    x = try maxPool(x, 3, stride: 2, padding: 1)
    for (stage, (units, blocks)) in [(116, 4), (232, 8), (464, 4)].enumerated() {
      for block in 0..<blocks {
        x = try shuffleUnit(x, "stage\(stage + 2).\(block)", units: units, stride: block == 0 ? 2 : 1)
      }
    }
    return try pooledClassifier(
      convolutionBlock(x, "conv5", units: 1024, kernel: 1, BlockStyle()), "fc", classes: classes)
  }

  /// Half of the channels pass through, or through a convolution where the size halves; then both halves are shuffled.
  private mutating func shuffleUnit(_ x: String, _ name: String, units: Int, stride: Int) throws -> String {
    let half = units / 2
    var (first, second) = (x, x)
    if stride > 1 {
      let inputs = shape(of: x)[0]
      let branch = "\(name).branch1"
      first = try normalized(
        x, "\(branch).0", "\(branch).1", units: inputs, stride: stride, groups: inputs, activated: false)
      first = try normalized(first, "\(branch).2", "\(branch).3", units: half, kernel: 1)
    } else {
      (first, second) = (try slice(x, axis: 0, 0..<half), try slice(x, axis: 0, half..<units))
    }
    let branch = "\(name).branch2"
    second = try normalized(second, "\(branch).0", "\(branch).1", units: half, kernel: 1)
    second = try normalized(
      second, "\(branch).3", "\(branch).4", units: half, stride: stride, groups: half, activated: false)
    second = try normalized(second, "\(branch).5", "\(branch).6", units: half, kernel: 1)
    return try shuffled(concatenate([first, second]))
  }

  /// Channels of the two halves in turns.
  private mutating func shuffled(_ x: String) throws -> String {
    let shape = shape(of: x)
    let halves = try reshape(x, [2, shape[0] / 2] + shape.dropFirst())
    return try reshape(transpose(halves, [1, 0, 2, 3]), shape)
  }
}
