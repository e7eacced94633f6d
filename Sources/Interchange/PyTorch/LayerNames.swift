import Networks

extension Network {
  /// The same network with every node's parameters under one name, as a module of PyTorch has them: `fc.weight`,
  /// `fc.bias`.
  ///
  /// Exporters keep equal parameters once and lose names on the way, so that a layer's bias may be called after another
  /// layer; such a node's parameters are called after the node.
  func withLayerNames() -> Network {
    var result = self
    let pairs = Set(matrixLayers.filter(\.isFactorized).flatMap(\.nodes))
    for index in nodes.indices where !nodes[index].parameters.isEmpty {
      let node = nodes[index]
      let common = node.commonPrefix
      if let common, !pairs.contains(node.name) || common == node.name { continue }
      for (role, name) in node.parameters {
        let own = "\(node.name).\(role.rawValue)"
        result.parameters[own] = parameters[name]
        result.nodes[index].parameters[role] = own
      }
    }
    let used = Set(result.parameterNames)
    result.parameters = result.parameters.filter { used.contains($0.key) }
    return result
  }
}

extension Node {
  /// What all names of the node's parameters begin with before their role; nil where they differ.
  var commonPrefix: String? {
    let prefixes = Set(
      parameters.map { role, name in name.hasSuffix(".\(role.rawValue)") ? name.dropLast(role.rawValue.count + 1) : "" }
    )
    guard prefixes.count == 1, let prefix = prefixes.first, !prefix.isEmpty else { return nil }
    return String(prefix)
  }
}
