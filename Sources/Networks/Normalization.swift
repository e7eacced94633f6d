extension Network {
  /// Whether the units of a convolution or linear layer are the channels of what it makes, which batch norms scale.
  ///
  /// Units of a linear layer lie along the last axis, channels along the first: they are the same in vectors alone. Along
  /// positions or the width of an image, as mixers have it, every unit meets every channel.
  public func makesChannels(_ layer: Node) -> Bool {
    if layer.operation is Convolution { return true }
    guard layer.operation is Linear, let shapes = try? validate() else { return false }
    return shapes[layer.name]?.count == 1
  }

  /// The batch norm that alone reads the layer called `name` and scales its units.
  public func normalization(behind name: String) -> Node? {
    guard output != name, let layer = self[name] else { return nil }
    let readers = readers(of: name)
    guard readers.count == 1, readers[0].operation is BatchNorm, makesChannels(layer) else { return nil }
    return readers[0]
  }
}
