extension Network {
  /// Whether the units of a convolution or linear layer are the channels of what it makes, which batch norms scale.
  ///
  /// Units of a linear layer lie along the last axis, channels along the first: they are the same in vectors alone. Along
  /// positions or the width of an image, as mixers have it, every unit meets every channel.
  public func makesChannels(_ layer: Node) -> Bool {
    guard let operation = layer.operation as? any WeightedOperation else { return false }
    // A unit axis that does not depend on the rank is told without the shapes of the whole network.
    if operation.unitAxis(rank: 3) == 0 { return true }
    guard let rank = (try? validate())?[layer.name]?.count else { return false }
    return operation.unitAxis(rank: rank) == 0
  }

  /// The batch norm that alone reads the layer called `name` and scales its units.
  public func normalization(behind name: String) -> Node? {
    guard output != name, let layer = self[name] else { return nil }
    let readers = readers(of: name)
    guard readers.count == 1, readers[0].keepsStatistics, makesChannels(layer) else { return nil }
    return readers[0]
  }
}
