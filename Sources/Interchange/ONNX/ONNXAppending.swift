import Networks
import ONNXSchema
import Torch

/// How nodes of the network come to be, and their names.
extension ONNXGraphReader {
  /// Appends a node of the network and gives its name; the last of a rule is called like what the graph calls it.
  ///
  /// - Parameter suffix: of the name, for a node that only leads to the rule's result.
  mutating func append(
    _ operation: any Networks.Operation, _ node: ONNXNodeProto, suffix: String = "", reading inputs: [String],
    _ tensors: [Role: (name: String, tensor: Tensor)] = [:]
  ) throws -> String {
    let name = unusedName(nodeName(node, tensors) + suffix)
    let shape = try operation.shape(of: inputs.map { shapes[$0] ?? [] }, parameters: tensors.mapValues(\.tensor.shape))
    var names: [Role: String] = [:]
    for (role, entry) in tensors {
      let own = entry.name.hasSuffix(".\(role.rawValue)") ? entry.name : "\(name).\(role.rawValue)"
      // A name that another tensor has already is not shared by chance.
      let free = parameters[own].map { own == entry.name && $0.holdsTheSame(as: entry.tensor) } ?? true
      names[role] = free ? own : "\(name).\(role.rawValue)"
      parameters[names[role] ?? own] = entry.tensor
    }
    shapes[name] = shape
    nodes.append(Node(name: name, operation: operation, inputs: inputs, parameters: names))
    return name
  }

  /// Appends operations that each read what the one before makes, and gives the last one's name.
  mutating func append(
    _ operations: [any Networks.Operation], _ node: ONNXNodeProto, suffix: String, reading input: String
  ) throws -> String {
    var name = input
    for (index, operation) in operations.enumerated() {
      let isLast = index == operations.count - 1
      name = try append(operation, node, suffix: isLast ? suffix : "\(suffix)\(index)", reading: [name])
    }
    return name
  }

  /// Appends a node that makes the graph's node's first output, its batch where that of `image` is.
  mutating func finish(
    _ operation: any Networks.Operation, _ node: ONNXNodeProto, reading inputs: [String], like image: ONNXImage,
    _ tensors: [Role: (name: String, tensor: Tensor)] = [:]
  ) throws {
    var result = image
    result.name = try append(operation, node, reading: inputs, tensors)
    result.shape = shape(result.name)
    origins[result.name] = node.output[0]
    alias(node, result)
  }

  /// The same of an operation that reads one value.
  mutating func finish(_ operation: any Networks.Operation, _ node: ONNXNodeProto, of image: ONNXImage) throws {
    try finish(operation, node, reading: [image.name], like: image)
  }

  /// Adds a bias to a linear layer that makes `value` and was read before; false where it has one already.
  ///
  /// Nothing else may read what the layer makes, under this name or another.
  mutating func addBias(_ bias: ONNXConstant, to layer: String, of value: String) -> Bool {
    guard let index = nodes.lastIndex(where: { $0.name == layer }), nodes[index].operation is Linear,
      nodes[index].parameters[.bias] == nil, origins[layer] == value, readers[value] == 1
    else { return false }
    let name = bias.name.hasSuffix(".bias") && parameters[bias.name] == nil ? bias.name : "\(layer).bias"
    nodes[index].parameters[.bias] = name
    parameters[name] = bias.tensor
    return true
  }

  /// PyTorch's name of the layer: that of its parameters, or the scope in the node's name, as in
  /// "/layer1/layer1.0/conv1/Conv".
  private func nodeName(_ node: ONNXNodeProto, _ tensors: [Role: (name: String, tensor: Tensor)]) -> String {
    for (role, entry) in tensors.sorted(by: { $0.key < $1.key }) where entry.name.hasSuffix(".\(role.rawValue)") {
      return String(entry.name.dropLast(role.rawValue.count + 1))
    }
    let path = node.name.split(separator: "/").map(String.init)
    guard node.name.hasPrefix("/"), path.count > 1 else { return node.name.isEmpty ? node.output[0] : node.name }
    let scope = path.dropLast()
    // "layer1", "layer1.0" name one place twice.
    let parts = scope.indices.filter { index in
      index + 1 >= scope.endIndex || !scope[index + 1].hasPrefix(scope[index] + ".")
    }.map { scope[$0] }
    let last = path[path.count - 1]
    return parts.joined(separator: ".") + (tensors.isEmpty ? "." + last.lowercased() : "")
  }

  private func unusedName(_ wanted: String) -> String {
    var name = wanted == Network.inputName ? wanted + "_" : wanted
    var number = 2
    while shapes[name] != nil {
      name = "\(wanted)_\(number)"
      number += 1
    }
    return name
  }
}

extension Tensor {
  fileprivate func holdsTheSame(as other: Tensor) -> Bool {
    shape == other.shape && (self - other).maximumMagnitude == 0
  }
}
