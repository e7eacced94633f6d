import Networks
import Torch

extension Network {
  /// The network with values and weights rounded to 8 bits, its structure otherwise the same.
  ///
  /// A node `Quantize` stands behind each value that runtimes keep in 8 bits; layers have a weight scale for each unit,
  /// and biases are whole multiples of input scale × weight scale, as sums of products are (Jacob et al.,
  /// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018).
  ///
  /// - Parameter grids: by the names of the sites' values.
  func quantized(_ sites: QuantizationSites, grids: [String: QuantizationGrid], _ settings: QuantizationSettings)
    throws -> Network
  {
    var result = self
    result.nodes = []
    var rounded: [String: String] = [:]
    func append(behind name: String) {
      guard let grid = grids[sites.origin(of: name)], sites.values.contains(name) else { return }
      let node = Node(
        name: result.unusedName("\(name).\(grid.element.rawValue)", besides: self), operation: Quantize(grid),
        inputs: [name])
      result.nodes.append(node)
      rounded[name] = node.name
    }
    append(behind: Network.inputName)
    for var node in nodes {
      node.inputs = node.inputs.map { rounded[$0] ?? $0 }
      result.nodes.append(node)
      append(behind: node.name)
    }
    for layer in sites.layers { result.scaleWeights(of: layer, largest: settings.largestWeight) }
    result = result.roundingParameters()
    result.dropUnusedParameters()
    try result.validate()
    return result
  }

  /// Gives a layer the weight scale of each unit: the largest weight is a whole number of so much.
  private mutating func scaleWeights(of name: String, largest: Double) {
    guard let node = self[name], let weight = parameter(.weight, of: node) else {
      preconditionFailure("layer \(name) has no weight")
    }
    let units = weight.shape[0]
    let reach = weight.magnitude.reshaped([units, -1]).max(axes: [1]).doubles
    let input = inputGrid(of: node)?.scale
    let biases = parameter(.bias, of: node)?.doubles
    let scales = (0..<units).map { unit in
      let own = reach[unit] > 0 ? reach[unit] / largest : 1
      // A bias has 32 bits.
      guard let input, let bias = biases?[unit] else { return Float(own) }
      return Float(max(own, abs(bias) / (input * 0x1p30)))
    }
    set(.weightScale, of: name, to: Tensor(scales, shape: [units]))
  }

  private func unusedName(_ wanted: String, besides other: Network) -> String {
    var name = wanted
    while self[name] != nil || other[name] != nil { name += "_" }
    return name
  }
}

extension QuantizationSites {
  /// The value whose grid this one has.
  func origin(of name: String) -> String {
    var name = name
    while let source = sources[name] { name = source }
    return name
  }
}
