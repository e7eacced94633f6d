import Torch

extension Network {
  /// The network with every square convolution decomposed into 1-D ones, to be trained from scratch.
  ///
  /// DecomposeMe (Alvarez & Petersson 2016): a k×k convolution `conv`, k > 1, becomes k×1 `conv_v` with as many units,
  /// ReLU, and 1×k `conv_h`. Stride, padding and dilation are split by axis, so no other value changes its shape. Where
  /// a batch norm `bn` follows the convolution, a new one, `bn_v`, also stands between the two; where the convolution
  /// has a bias both have one. The new weights are random: nothing of the old convolution is kept, unlike in
  /// `factorizing`, which approximates a trained one. Grouped convolutions and shared weights stay.
  ///
  /// - Parameters:
  ///   - seed: of the new weights.
  ///   - isLeftOut: names of convolutions that stay whole.
  /// - Throws: `NetworkError` when the network is not valid, or has a node of one of the new names.
  public func decomposed(
    seed: UInt64, leavingOut isLeftOut: (String) -> Bool = { _ in false }
  ) throws -> Network {
    // Another stream than the one that the layers that stay were drawn from.
    let generator = Generator(seed: ~seed)
    var result = self
    var renamed: [String: String] = [:]
    result.nodes = nodes.flatMap { node -> [Node] in
      guard let square = squareConvolution(node), !isLeftOut(node.name) else { return [node] }
      renamed[node.name] = "\(node.name)_h"
      return square.parts(normalization(behind: node.name), &result.parameters, using: generator)
    }
    for index in result.nodes.indices {
      result.nodes[index].inputs = result.nodes[index].inputs.map { renamed[$0] ?? $0 }
    }
    result.output = renamed[output] ?? output
    result.dropUnusedParameters()
    try result.validate()
    return result
  }

  private func squareConvolution(_ node: Node) -> SquareConvolution? {
    guard let operation = node.operation as? any WeightedOperation, operation.groups == 1,
      let weight = parameter(.weight, of: node), weight.shape.count == 4, weight.shape[2] > 1,
      weight.shape[2] == weight.shape[3]
    else { return nil }
    return sharesWeight(node) ? nil : SquareConvolution(node: node, operation: operation, shape: weight.shape)
  }
}

/// A k×k convolution and what takes its place.
private struct SquareConvolution {
  let node: Node
  let operation: any WeightedOperation
  /// units × inputs × k × k.
  let shape: [Int]

  /// conv_v, bn_v if a batch norm follows, ReLU, conv_h; their parameters are added.
  func parts(_ norm: Node?, _ parameters: inout [String: Tensor], using generator: Generator) -> [Node] {
    let (units, inputs, k) = (shape[0], shape[1], shape[2])
    var nodes = [
      convolution("\(node.name)_v", [units, inputs, k, 1], axis: 0, reading: node.inputs, &parameters, generator)
    ]
    if let norm {
      let name = "\(norm.name)_v"
      nodes.append(Node(name: name, operation: norm.operation, inputs: [nodes[0].name]))
      for role in norm.parameters.keys.sorted() {
        let isOne = role == .weight || role == .runningVariance
        nodes[1].parameters[role] = "\(name).\(role.rawValue)"
        parameters["\(name).\(role.rawValue)"] = isOne ? .ones([units]) : .zeros([units])
      }
    }
    nodes.append(Node(name: "\(node.name)_relu", operation: Activation.relu, inputs: [nodes[nodes.count - 1].name]))
    let between = [nodes[nodes.count - 1].name]
    nodes.append(
      convolution("\(node.name)_h", [units, units, 1, k], axis: 1, reading: between, &parameters, generator))
    return nodes
  }

  /// A 1-D convolution along `axis` (0 vertical, 1 horizontal), with that axis's part of the geometry.
  private func convolution(
    _ name: String, _ shape: [Int], axis: Int, reading inputs: [String], _ parameters: inout [String: Tensor],
    _ generator: Generator
  ) -> Node {
    var result = Node(
      name: name, operation: operation.restricted(to: [axis + 2]), inputs: inputs,
      parameters: [.weight: "\(name).weight"])
    parameters["\(name).weight"] = NetworkBuilder.Initialization.heNormal.weight(shape, using: generator)
    if node.parameters[.bias] != nil {
      result.parameters[.bias] = "\(name).bias"
      parameters["\(name).bias"] = .zeros([shape[0]])
    }
    return result
  }
}
