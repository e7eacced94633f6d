import Torch

/// Parameters that several nodes use.
///
/// Files keep equal tensors once: PyTorch's exporter writes one tensor for all biases of a new network, which are zero.
/// So that two nodes use one tensor does not say that they are meant to stay equal, and whatever a rewrite changes has
/// to be its node's own first.
extension Network {
  /// Gives one node a tensor, and no other: where others use the parameter too, the node gets one of its own.
  public mutating func set(_ role: Role, of name: String, to tensor: Tensor) {
    guard let index = nodes.firstIndex(where: { $0.name == name }) else { preconditionFailure("no node \(name)") }
    let own = ownName(role, of: index)
    nodes[index].parameters[role] = own
    parameters[own] = tensor
  }

  /// The name of the node's parameter where nothing else uses it, else a name that is free.
  private func ownName(_ role: Role, of index: Int) -> String {
    func isFree(_ name: String) -> Bool {
      nodes.indices.allSatisfy { other in
        nodes[other].parameters.allSatisfy { $0.value != name || (other == index && $0.key == role) }
      }
    }
    let usual = "\(nodes[index].name).\(role.rawValue)"
    if let current = nodes[index].parameters[role], isFree(current) { return current }
    if isFree(usual) { return usual }
    guard let number = (2...).first(where: { isFree("\(usual)_\($0)") }) else { preconditionFailure("no end") }
    return "\(usual)_\(number)"
  }

  /// Forgets parameters that no node uses.
  public mutating func dropUnusedParameters() {
    let used = Set(parameterNames)
    parameters = parameters.filter { used.contains($0.key) }
  }

  /// Whether another node uses the same weight: what is done to it is done to both.
  public func sharesWeight(_ node: Node) -> Bool {
    guard let weight = node.parameters[.weight] else { return false }
    return nodes.contains { $0.name != node.name && $0.parameters.values.contains(weight) }
  }
}

extension Network {
  /// The network with a parameter of its own for every node that may only happen to have equal ones: biases, and what
  /// scales, shifts or describes channels.
  ///
  /// What can be meant stays shared: a layer that is applied twice, with all its parameters, the same weight matrix in
  /// two layers, and constants, which nothing trains. Tensors of one and the same number are how parameters start, so
  /// equality of those means nothing. The network computes what it did.
  public func separatingParameters() -> Network {
    var users: [String: [ParameterUse]] = [:]
    for node in nodes {
      for (role, name) in node.parameters.sorted(by: { $0.key < $1.key }) {
        users[name, default: []].append(ParameterUse(node: node, role: role))
      }
    }
    let shared = users.filter { $0.value.count > 1 }
    guard !shared.isEmpty else { return self }
    let uniform = Set(
      Set(shared.values.joined().flatMap(\.node.parameters.values)).filter { parameters[$0]?.isUniform ?? true })
    var result = self
    for (name, uses) in shared.sorted(by: { $0.key < $1.key }) {
      var groups: [(use: ParameterUse, name: String)] = []
      for use in uses {
        if let group = groups.first(where: { use.means(toShareWith: $0.use, uniform) }) {
          result.rename(use, to: group.name)
        } else if groups.isEmpty {
          groups.append((use, name))
        } else if let tensor = parameters[name] {
          result.set(use.role, of: use.node.name, to: tensor)
          groups.append((use, result[use.node.name]?.parameters[use.role] ?? name))
        }
      }
    }
    return result
  }

  private mutating func rename(_ use: ParameterUse, to name: String) {
    for index in nodes.indices where nodes[index].name == use.node.name { nodes[index].parameters[use.role] = name }
  }
}

/// A node that uses a parameter, as the network was given.
private struct ParameterUse {
  let node: Node
  let role: Role

  /// - Parameter uniform: names of parameters that are one number throughout.
  func means(toShareWith other: ParameterUse, _ uniform: Set<String>) -> Bool {
    guard role == other.role, node.name != other.node.name else { return false }
    if role == .constant { return true }
    let isTold = node.parameters.values.contains { !uniform.contains($0) }
    if isTold, type(of: node.operation).kind == type(of: other.node.operation).kind,
      node.parameters == other.node.parameters
    {
      return true
    }
    guard role == .weight, let name = node.parameters[.weight], !uniform.contains(name) else { return false }
    return node.operation is any WeightedOperation && other.node.operation is any WeightedOperation
  }
}

extension Tensor {
  /// Whether all elements are the same number.
  fileprivate var isUniform: Bool {
    guard count > 1 else { return true }
    let elements = contiguous.reshaped([count])
    return (elements - elements.slice(axis: 0, from: 0, to: 1)).maximumMagnitude == 0
  }
}
