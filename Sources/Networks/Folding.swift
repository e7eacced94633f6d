import Torch

extension Network {
  /// The network in evaluation with every batch norm moved into the layer before it, and without dropout.
  ///
  /// W′ = W·γ/√(σ² + ε) per unit and b′ = β + (b − μ)·γ/√(σ² + ε). A batch norm stays where something else reads the
  /// layer too, or where two nodes share its weight. Computed in float64.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func foldingBatchNorm() throws -> Network {
    try validate()
    var result = self
    for node in nodes {
      if node.operation is Dropout {
        result.remove(node, replacedBy: node.inputs[0])
      } else if let norm = node.operation as? BatchNorm, let layer = result.layer(before: node) {
        result.fold(norm, of: node, into: layer)
        result.remove(node, replacedBy: layer.name)
      }
    }
    let used = Set(result.parameterNames)
    result.parameters = result.parameters.filter { used.contains($0.key) }
    try result.validate()
    return result
  }

  /// The convolution or linear layer that nothing but `norm` reads.
  private func layer(before norm: Node) -> Node? {
    guard let layer = self[norm.inputs[0]], readers(of: layer.name).count == 1, output != layer.name,
      layer.operation is Convolution || layer.operation is Linear, let weight = layer.parameters[.weight],
      nodes.filter({ $0.parameters.values.contains(weight) }).count == 1
    else { return nil }
    return layer
  }

  private mutating func fold(_ norm: BatchNorm, of node: Node, into layer: Node) {
    guard let weightName = layer.parameters[.weight], let weight = parameters[weightName],
      let mean = parameter(.runningMean, of: node)?.to(.float64),
      let variance = parameter(.runningVariance, of: node)?.to(.float64)
    else { preconditionFailure("node \(node.name) lacks statistics; validate the network first") }
    var factor = (variance + norm.epsilon).power(-0.5)
    if let scale = parameter(.weight, of: node) { factor = factor * scale.to(.float64) }
    let bias = parameter(.bias, of: layer)?.to(.float64)
    var shift = ((bias.map { $0 - mean } ?? -mean) * factor)
    if let own = parameter(.bias, of: node) { shift = shift + own.to(.float64) }
    let column = factor.reshaped([-1] + weight.shape.dropFirst().map { _ in 1 })
    parameters[weightName] = (weight.to(.float64) * column).to(weight.dtype)
    let biasName = layer.parameters[.bias] ?? "\(layer.name).bias"
    parameters[biasName] = shift.to(weight.dtype)
    for index in nodes.indices where nodes[index].name == layer.name {
      nodes[index].parameters[.bias] = biasName
    }
  }

  private mutating func remove(_ node: Node, replacedBy source: String) {
    nodes.removeAll { $0.name == node.name }
    for index in nodes.indices {
      nodes[index].inputs = nodes[index].inputs.map { $0 == node.name ? source : $0 }
    }
    if output == node.name { output = source }
  }
}
