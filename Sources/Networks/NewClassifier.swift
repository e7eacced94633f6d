import Torch

extension Network {
  /// The layer that makes the classes: the last linear layer or convolution, behind which nothing with parameters
  /// comes.
  ///
  /// - Throws: `NetworkError` where the classes are made otherwise.
  public func classifier() throws -> Node {
    let shapes = try validate()
    let classes = shapes[output] ?? []
    var name = output
    var reader: String?
    while let node = self[name] {
      let others = readers(of: name).map(\.name).filter { $0 != reader }
      guard others.isEmpty else { throw noClassifier("node \(name) is read by \(others.joined(separator: ", ")) too") }
      if (node.operation as? any WeightedOperation)?.groups == 1 {
        let units = parameter(.weight, of: node)?.shape.first ?? 0
        guard [units] == classes else {
          throw noClassifier("its last layer \(name) has \(units) units, and the network gives \(classes)")
        }
        return node
      }
      guard node.inputs.count == 1, node.parameters.isEmpty else { break }
      (reader, name) = (name, node.inputs[0])
    }
    throw noClassifier("node \(name) comes after it")
  }

  private func noClassifier(_ why: String) -> NetworkError {
    NetworkError(
      "the network has no linear layer or convolution whose units are the classes, so none can be replaced: \(why)")
  }

  /// The network with a new classifier for as many classes, with random weights, and a bias where there was one.
  ///
  /// All other layers keep what they have learnt.
  ///
  /// - Throws: `NetworkError` where the classes are not made by one layer.
  public func replacingClassifier(classes: Int, seed: UInt64) throws -> Network {
    let layer = try classifier()
    let generator = Generator(seed: seed)
    let old = parameter(.weight, of: layer)?.shape ?? []
    let shape = [classes] + old.dropFirst()
    var result = self
    guard let index = nodes.firstIndex(where: { $0.name == layer.name }) else { return self }
    let inputs = old.dropFirst().reduce(1, *)
    var new = [Role.weight: NetworkBuilder.Initialization.uniform.weight(shape, using: generator)]
    if layer.parameters[.bias] != nil {
      new[.bias] = NetworkBuilder.Initialization.uniform([classes], inputs: inputs, using: generator)
    }
    for (role, tensor) in new {
      // A tensor that other layers use stays theirs.
      let shared = nodes.contains {
        $0.name != layer.name && $0.parameters.values.contains(layer.parameters[role] ?? "")
      }
      let name = shared ? free("\(layer.name).\(role.rawValue)") : layer.parameters[role] ?? ""
      result.nodes[index].parameters[role] = name
      result.parameters[name] = tensor
    }
    for place in result.nodes.indices {
      guard let reshape = nodes[place].operation as? Reshape, reshape.shape.first == old.first,
        comesBehind(layer.name, nodes[place])
      else { continue }
      result.nodes[place].operation = Reshape([classes] + reshape.shape.dropFirst())
    }
    guard try result.validate()[result.output] == [classes] else {
      throw noClassifier("what comes after \(layer.name) depends on the number of classes")
    }
    return result
  }

  /// A name that no parameter has.
  private func free(_ name: String) -> String {
    var name = name
    while parameters[name] != nil { name += "_" }
    return name
  }

  /// Whether a node reads a layer, with others between at most.
  private func comesBehind(_ layer: String, _ node: Node) -> Bool {
    var name = node.inputs.first
    while let found = name, let next = self[found] {
      if found == layer { return true }
      name = next.inputs.count == 1 ? next.inputs[0] : nil
    }
    return false
  }
}
