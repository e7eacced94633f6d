extension Network {
  /// The network for images of another height and width, where it takes them: what pools globally does, what flattens
  /// maps before a linear layer or has an embedding for each position does not.
  ///
  /// - Throws: `NetworkError` with the node that does not fit.
  public func resized(height: Int, width: Int) throws -> Network {
    var result = self
    result.inputShape = [inputShape[0], height, width]
    let (before, after) = (try validate()[output], try result.validate()[output])
    guard before == after else {
      throw NetworkError("its output would be of shape \(after ?? []) instead of \(before ?? [])")
    }
    return result
  }
}
