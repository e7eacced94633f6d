import Torch

extension Network {
  /// The network in evaluation with every batch norm moved into the layer before it, and without dropout.
  ///
  /// W′ = W·γ/√(σ² + ε) per unit and b′ = β + (b − μ)·γ/√(σ² + ε). A batch norm stays where something else reads the
  /// layer too, where two nodes share its weight, or where the layer's units are not the channels that it scales. A
  /// bias that others use as well stays theirs. Computed in float64.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func foldingBatchNorm() throws -> Network {
    try validate()
    var result = self
    for name in nodes.map(\.name) {
      // As it is by now: what it reads may have gone.
      guard let node = result[name] else { continue }
      if node.operation is Dropout, node.inputs[0] != Network.inputName || output != name {
        result.remove(node, replacedBy: node.inputs[0])
      } else if let norm = node.operation as? BatchNorm, let layer = result.layer(before: node) {
        result.fold(norm, of: node, into: layer)
        result.remove(node, replacedBy: layer.name)
      }
    }
    result.dropUnusedParameters()
    try result.validate()
    return result
  }

  /// The layer with a weight that nothing but `norm` reads and whose units it scales.
  private func layer(before norm: Node) -> Node? {
    guard let layer = self[norm.inputs[0]], layer.operation is any WeightedOperation,
      normalization(behind: layer.name)?.name == norm.name, !sharesWeight(layer),
      layer.parameters[.weightScale] == nil
    else { return nil }
    return layer
  }

  private mutating func fold(_ norm: BatchNorm, of node: Node, into layer: Node) {
    guard let weight = parameter(.weight, of: layer), let mean = parameter(.runningMean, of: node)?.to(.float64),
      let variance = parameter(.runningVariance, of: node)?.to(.float64)
    else { preconditionFailure("node \(node.name) lacks statistics; validate the network first") }
    var factor = (variance + norm.epsilon).power(-0.5)
    if let scale = parameter(.weight, of: node) { factor = factor * scale.to(.float64) }
    let bias = parameter(.bias, of: layer)?.to(.float64)
    var shift = ((bias.map { $0 - mean } ?? -mean) * factor)
    if let own = parameter(.bias, of: node) { shift = shift + own.to(.float64) }
    let column = factor.reshaped([-1] + weight.shape.dropFirst().map { _ in 1 })
    set(.weight, of: layer.name, to: (weight.to(.float64) * column).to(weight.dtype))
    set(.bias, of: layer.name, to: shift.to(weight.dtype))
  }

  private mutating func remove(_ node: Node, replacedBy source: String) {
    nodes.removeAll { $0.name == node.name }
    for index in nodes.indices {
      nodes[index].inputs = nodes[index].inputs.map { $0 == node.name ? source : $0 }
    }
    if output == node.name { output = source }
  }
}
