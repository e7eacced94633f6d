import Networks
import ONNXSchema
import Torch

/// How norms over groups of channels are read: GroupNormalization, InstanceNormalization, and the latter between two
/// reshapes, as PyTorch writes a group norm.
extension ONNXGraphReader {
  mutating func readInstanceNorm(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    let (scale, shift) = (try weight(node), try weight(node, 2))
    let norm = GroupNorm(groups: input.shape[0], epsilon: node.number("epsilon") ?? 1e-5)
    // One for each group, and nothing to be trained.
    let isBare = scale.tensor.isAll(1) && shift.tensor.isAll(0) && !scale.name.hasSuffix(".weight")
    try finish(
      norm, node, reading: [input.name], like: input,
      isBare ? [:] : [.weight: (scale.name, scale.tensor), .bias: (shift.name, shift.tensor)])
  }

  /// Before opset 21 there is one scale for each group.
  mutating func readGroupNorm(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard let groups = node.integer("num_groups"), groups > 0, input.shape[0] % groups == 0 else {
      throw ONNXProblem("has \(node.integer("num_groups") ?? 0) groups for \(input.shape[0]) channels")
    }
    let size = input.shape[0] / groups
    func ofChannels(_ constant: ONNXConstant) throws -> (name: String, tensor: Tensor) {
      guard opset < 21, constant.shape == [groups] else { return (constant.name, constant.tensor) }
      let places = (0..<groups).flatMap { Array(repeating: $0, count: size) }
      return (constant.name, constant.tensor.selecting(places, axis: 0))
    }
    try finish(
      GroupNorm(groups: groups, epsilon: node.number("epsilon") ?? 1e-5), node, reading: [input.name], like: input,
      [.weight: ofChannels(weight(node)), .bias: ofChannels(weight(node, 2))])
  }

  /// Reads the second of two reshapes with a norm of groups between as the norm of an image; false where it is another.
  mutating func finishGroupNorm(
    _ node: ONNXNodeProto, from input: ONNXImage, as result: ONNXImage
  ) throws -> Bool {
    guard result.isPlain, input.isPlain, let norm = made(input.name), norm.parameters.isEmpty,
      let operation = norm.operation as? GroupNorm, operation.groups == input.shape[0],
      let before = made(norm.inputs[0]), before.operation is Reshape,
      case let image = shape(before.inputs[0]), image == result.shape, image.count > 1,
      image[0] % operation.groups == 0, isReadOnce(norm), isReadOnce(before)
    else { return false }
    remove(norm)
    remove(before)
    try finish(operation, node, reading: before.inputs, like: result)
    return true
  }

  /// Takes a factor or a summand for each channel into the norm that makes `input`; false where it is none.
  mutating func absorb(
    _ constant: ONNXConstant, _ operation: Elementwise, intoNormOf input: ONNXImage, _ value: String,
    _ node: ONNXNodeProto
  ) throws -> Bool {
    guard input.isPlain, constant.isParameter || !constant.isWhole, let norm = made(input.name),
      let groupNorm = norm.operation as? GroupNorm, readers[value] == 1, isReadOnce(norm),
      constant.count == input.shape[0], constant.shape.count >= input.shape.count,
      constant.shape[constant.shape.count - input.shape.count] == input.shape[0]
    else { return false }
    let numbers = constant.tensor.reshaped([constant.count])
    var tensors: [Role: (name: String, tensor: Tensor)] = [:]
    switch operation {
    case .multiply where norm.parameters.isEmpty:
      tensors = [.weight: (constant.name, numbers), .bias: ("", .zeros([constant.count]))]
    case .add:
      guard let own = norm.parameters[.weight], let weight = parameters[own], let bias = norm.parameters[.bias],
        parameters[bias]?.isAll(0) ?? false
      else { return false }
      tensors = [.weight: (own == "\(norm.name).weight" ? "" : own, weight), .bias: (constant.name, numbers)]
    default: return false
    }
    remove(norm)
    try finish(groupNorm, node, reading: norm.inputs, like: input, tensors)
    return true
  }

  /// The node of the network that makes a value.
  private func made(_ name: String) -> Node? { nodes.last { $0.name == name } }

  /// Whether one node of the graph alone reads what was made for the node.
  private func isReadOnce(_ node: Node) -> Bool {
    origins[node.name].map { readers[$0] == 1 } ?? false
  }

  /// Takes a node away that nothing reads.
  private mutating func remove(_ node: Node) {
    nodes.removeAll { $0.name == node.name }
    shapes[node.name] = nil
    for name in node.parameters.values where !nodes.contains(where: { $0.parameters.values.contains(name) }) {
      parameters[name] = nil
    }
  }
}

extension Tensor {
  fileprivate func isAll(_ number: Double) -> Bool { (self - number).maximumMagnitude == 0 }
}
