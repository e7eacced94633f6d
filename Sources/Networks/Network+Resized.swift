extension Network {
  /// The network for images of another height and width, where it takes them: what pools globally does, what flattens
  /// maps before a linear layer or has an embedding for each position does not.
  ///
  /// - Throws: `NetworkError` with the node that does not fit.
  public func resized(height: Int, width: Int) throws -> Network {
    var result = self
    result.inputShape = [inputShape[0], height, width]
    for (before, after) in zip(try outputs(), try result.outputs()) {
      // Maps are as large as the image wants them; a vector says something of the whole image.
      guard before.shape.count > 1 || before.shape == after.shape else {
        throw NetworkError("its output would be of shape \(after.shape) instead of \(before.shape)")
      }
    }
    return result
  }

  /// The same for images that are so many pixels higher and, by twice as much, wider.
  ///
  /// - Throws: `NetworkError` with the node that does not fit.
  package func resized(by pixels: Int) throws -> Network {
    try resized(height: inputShape[1] + pixels, width: inputShape[2] + 2 * pixels)
  }
}
