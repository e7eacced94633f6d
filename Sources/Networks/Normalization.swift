extension Network {
  /// Whether the units of a convolution or linear layer are the channels of what it makes, which batch norms scale.
  ///
  /// Units of a linear layer lie along the last axis, channels along the first: they are the same in vectors alone.
  /// Along positions or the width of an image, as mixers have it, every unit meets every channel.
  public func makesChannels(_ layer: Node) -> Bool {
    guard let operation = layer.operation as? any WeightedOperation else { return false }
    // A unit axis that does not depend on the rank is told without the shapes of the whole network.
    if operation.unitAxis(rank: 3) == 0 { return true }
    guard let rank = (try? validate())?[layer.name]?.count else { return false }
    return operation.unitAxis(rank: rank) == 0
  }

  /// The batch norm that alone reads the layer called `name` and scales its units.
  public func normalization(behind name: String) -> Node? {
    guard let layer = self[name], let norm = soleReader(of: layer), norm.keepsStatistics, makesChannels(layer) else {
      return nil
    }
    return norm
  }

  /// The same behind the last node of a layer.
  public func normalization(behind layer: MatrixLayer) -> Node? {
    layer.nodes.last.flatMap { normalization(behind: $0) }
  }

  /// |γ|/√(σ² + ε) per unit of that batch norm; ones where there is none.
  public func scale(behind layer: MatrixLayer) -> [Double] {
    let scale = normalization(behind: layer).flatMap { norm in
      (norm.operation as? any NormalizingOperation)?.scale(NodeParameters { parameter($0, of: norm) })
    }
    return scale ?? [Double](repeating: 1, count: layer.units)
  }
}
