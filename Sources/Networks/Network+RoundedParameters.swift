import Torch

extension Network {
  /// The network with the numbers that a file of 8 bits holds: weights with a scale as they are multiplied, and biases
  /// behind rounded values as whole multiples of input scale × weight scale, of 32 bits (Jacob et al., "Quantization and
  /// Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, equation 11).
  public func roundingParameters() -> Network {
    var result = self
    for node in nodes where node.parameters[.weightScale] != nil {
      let parameters = NodeParameters { parameter($0, of: node) }
      result.set(.weight, of: node.name, to: parameters.roundedWeight)
      guard let steps = biasSteps(of: node), let bias = parameters[.bias] else { continue }
      let whole = zip(bias.doubles, steps).map { bias, step in
        Float(min(max((bias / Double(step)).rounded(.toNearestOrEven), -0x1p31), 0x1p31 - 128)) * step
      }
      result.set(.bias, of: node.name, to: Tensor(whole, shape: [whole.count]).to(bias.dtype))
    }
    return result
  }

  /// For each unit of a layer the number of which its bias is whole multiples; nil where no rounded value is read.
  public func biasSteps(of node: Node) -> [Float]? {
    guard let input = inputGrid(of: node), let scales = parameter(.weightScale, of: node) else { return nil }
    return scales.to(.float32).values(as: Float.self).map { Float(input.scale) * $0 }
  }

  /// The grid of the value that a layer reads; nil where that is not rounded.
  public func inputGrid(of node: Node) -> QuantizationGrid? {
    (self[node.inputs[0]]?.operation as? Quantize)?.grid
  }

  /// The network with weights as they are multiplied, for programs that know of no scales.
  public func droppingWeightScales() -> Network {
    var result = roundingParameters()
    for index in result.nodes.indices { result.nodes[index].parameters[.weightScale] = nil }
    result.dropUnusedParameters()
    return result
  }

  /// Whether anything of it is rounded to 8 bits.
  public var isQuantized: Bool {
    nodes.contains { $0.operation is Quantize || $0.parameters[.weightScale] != nil }
  }
}
