import Torch

/// Which factor of a decomposed layer a node is.
public struct FactorRole: Sendable, Codable, Hashable {
  /// The name of the layer before it was decomposed.
  public var layer: String
  /// Its place among the factors, from 0, in execution order.
  public var index: Int
  public var decomposition: Decomposition

  public init(layer: String, index: Int, decomposition: Decomposition) {
    self.layer = layer
    self.index = index
    self.decomposition = decomposition
  }
}

/// A layer whose matrix can be given a low rank: one node with a weight, or the factors that it became.
public struct MatrixLayer: Sendable {
  /// The name of the layer before any factorisation.
  public var name: String
  /// Names of its nodes: one, or the factors in execution order.
  public var nodes: [String]
  /// Names of the weights of these nodes.
  public var weights: [String]
  /// The shape of the weight as one node: N×C×d_h×d_w or N×S.
  public var shape: [Int]
  /// Why it must stay as it is, if it must.
  public var obstacle: String?
  /// What its factors are of; of a single node, the decomposition whose matrix the regulariser trains.
  public var decomposition = Decomposition.spatialFirst

  /// Whether it was decomposed into factors.
  public var isFactorized: Bool { nodes.count > 1 }

  /// The number of its output units, N.
  public var units: Int { shape[0] }
}

extension Network {
  /// The layers of the network that have a weight matrix, factors of one as one, in execution order.
  public var matrixLayers: [MatrixLayer] {
    let uses = weightUses
    var layers: [MatrixLayer] = []
    var taken = Set<String>()
    for node in nodes where !taken.contains(node.name) {
      guard let operation = node.operation as? any WeightedOperation, let weight = node.parameters[.weight],
        let shape = parameters[weight]?.shape
      else { continue }
      let factors = factors(from: node, uses)
      if let role = node.factor, !factors.isEmpty {
        taken.formUnion(factors.map(\.name))
        layers.append(layer(role, factors))
      } else {
        let obstacle =
          node.parameters[.weightScale] != nil
          ? "quantised" : operation.groups > 1 ? "grouped" : uses[weight] == 1 ? nil : "shares its weight"
        layers.append(
          MatrixLayer(name: node.name, nodes: [node.name], weights: [weight], shape: shape, obstacle: obstacle))
      }
    }
    return layers
  }

  /// The layer called `name`, which has to be there.
  public func layer(named name: String) -> MatrixLayer {
    guard let layer = matrixLayers.first(where: { $0.name == name }) else {
      preconditionFailure("layer \(name) is gone")
    }
    return layer
  }

  /// The matrix of a layer (N × S) in float64; of factors, their product.
  public func matrix(of layer: MatrixLayer) -> Tensor {
    let weights = layer.weights.map { name in
      guard let weight = parameters[name] else { preconditionFailure("layer \(layer.name) has no \(name)") }
      return weight.to(.float64)
    }
    return weights.product.unfolded
  }

  private func layer(_ role: FactorRole, _ factors: [Node]) -> MatrixLayer {
    let weights = factors.compactMap { $0.parameters[.weight] }
    let shapes = weights.compactMap { parameters[$0]?.shape }
    let sides = shapes[0].indices.dropFirst(2).map { axis in shapes.map { $0[axis] }.max() ?? 1 }
    let shape = [shapes[shapes.count - 1][0], shapes[0][1]] + sides
    // The regulariser and a second cut know the paper's unfolding alone.
    let obstacle =
      role.decomposition == .spatialFirst ? nil : "factorised as \(role.decomposition.name) already"
    return MatrixLayer(
      name: role.layer, nodes: factors.map(\.name), weights: weights, shape: shape, obstacle: obstacle,
      decomposition: role.decomposition)
  }

  /// How many nodes use each parameter.
  private var weightUses: [String: Int] {
    nodes.flatMap { Set($0.parameters.values) }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }
}

// MARK: Factors

extension Network {
  /// The node with the next factor of the same layer, which alone reads `node`, with not even a bias between.
  public func nextFactor(after node: Node) -> Node? {
    guard let role = node.factor, let next = soleReader(of: node), node.parameters[.bias] == nil,
      next.factor == FactorRole(layer: role.layer, index: role.index + 1, decomposition: role.decomposition)
    else { return nil }
    return next
  }

  /// The one node that reads the value of `node`, where nothing else does and it is not the output.
  func soleReader(of node: Node) -> Node? {
    guard node.name != output else { return nil }
    let found = readers(of: node.name)
    return found.count == 1 ? found[0] : nil
  }

  /// All factors of the layer of which `first` is the first factor; empty where some are gone, something came between
  /// them, or other nodes use their weights.
  private func factors(from first: Node, _ uses: [String: Int]) -> [Node] {
    guard let role = first.factor, role.index == 0 else { return [] }
    var found = [first]
    while let next = nextFactor(after: found[found.count - 1]) { found.append(next) }
    return fits(found, role.decomposition, uses) ? found : []
  }

  private func fits(_ nodes: [Node], _ decomposition: Decomposition, _ uses: [String: Int]) -> Bool {
    let factors = nodes.compactMap { node -> (operation: any WeightedOperation, shape: [Int])? in
      guard let operation = node.operation as? any WeightedOperation, let weight = node.parameters[.weight],
        uses[weight] == 1, let shape = parameters[weight]?.shape
      else { return nil }
      return (operation, shape)
    }
    return factors.count == nodes.count && decomposition.matches(factors)
  }

  /// The network with roles for factors that are told by their names alone, as in an `nn.Sequential`: "name.0",
  /// "name.1" and so on, with nothing between.
  ///
  /// Files of other programs, and those that were written before nodes kept their role, say no more than that.
  public func recognizingFactors() -> Network {
    let uses = weightUses
    var result = self
    let places = Dictionary(nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    for first in nodes where first.factor == nil && first.name.hasSuffix(".0") {
      let chain = namedChain(from: first)
      // A longer chain that fits no decomposition may begin with the factors of one.
      let found = Decomposition.allCases.compactMap { decomposition in
        let nodes = Array(chain.prefix(decomposition.factors.count))
        return fits(nodes, decomposition, uses) ? (nodes: nodes, decomposition: decomposition) : nil
      }
      guard let longest = found.map(\.nodes.count).max(),
        let factors = found.first(where: { $0.nodes.count == longest })
      else { continue }
      for (order, node) in factors.nodes.enumerated() {
        guard let place = places[node.name] else { continue }
        result.nodes[place].factor = FactorRole(
          layer: String(first.name.dropLast(2)), index: order, decomposition: factors.decomposition)
      }
    }
    return result
  }

  /// Nodes "name.0", "name.1" and so on, each of which alone reads the one before, which has no bias.
  private func namedChain(from first: Node) -> [Node] {
    var chain = [first]
    let name = first.name.dropLast(2)
    while let last = chain.last, last.parameters[.bias] == nil, let next = soleReader(of: last),
      next.name == "\(name).\(chain.count)"
    {
      chain.append(next)
    }
    return chain
  }
}
