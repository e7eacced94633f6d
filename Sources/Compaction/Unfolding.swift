import Networks
import Torch

extension Tensor {
  /// The matrix that a layer's weight is for the method: one row per unit, one column per input and tap (N × S).
  ///
  /// This is the transpose of the paper's Θ̄ ∈ R^{S×N}, S = C·d_h·d_w (Alvarez & Salzmann 2017); singular values are
  /// the same and rows are PyTorch's `weight.flatten(1)`.
  public var unfolded: Tensor { flattened(from: 1) }
}

/// A layer whose matrix can be given a low rank: one convolution or linear node, or a pair that was factorised before.
public struct MatrixLayer: Sendable {
  /// The name of the layer before any factorisation.
  public var name: String
  /// Names of its nodes: one, or the two factors in execution order.
  public var nodes: [String]
  /// Why it must stay as it is, if it must.
  public var obstacle: String?
  /// What a pair is factors of; a single node would become factors of any.
  public var scheme = Scheme.spatialFirst

  public var isPair: Bool { nodes.count == 2 }
}

extension Network {
  /// The convolutions and linear layers of the network, pairs of factors as one, in execution order.
  public var matrixLayers: [MatrixLayer] {
    var layers: [MatrixLayer] = []
    var seconds = Set<String>()
    for node in nodes where hasMatrix(node) && !seconds.contains(node.name) {
      if let (second, scheme) = secondFactor(after: node) {
        seconds.insert(second.name)
        // The regulariser and a second cut know the paper's unfolding alone.
        let obstacle = scheme == .spatialFirst ? nil : "factorised as \(scheme.rawValue) already"
        layers.append(
          MatrixLayer(
            name: pairName(node.name), nodes: [node.name, second.name], obstacle: obstacle, scheme: scheme))
      } else {
        layers.append(MatrixLayer(name: node.name, nodes: [node.name], obstacle: obstacle(node)))
      }
    }
    return layers
  }

  /// The layer called `name`, which has to be there.
  func layer(named name: String) -> MatrixLayer {
    guard let layer = matrixLayers.first(where: { $0.name == name }) else {
      preconditionFailure("layer \(name) is gone")
    }
    return layer
  }

  /// The names of a layer's weights: one, or those of the two factors in execution order.
  func weightNames(of layer: MatrixLayer) -> [String] { layer.nodes.compactMap { self[$0]?.parameters[.weight] } }

  private func hasMatrix(_ node: Node) -> Bool { node.operation is Convolution || node.operation is Linear }

  private func obstacle(_ node: Node) -> String? {
    if let convolution = node.operation as? Convolution, convolution.geometry.groups > 1 { return "grouped" }
    return sharesWeight(node) ? "shares its weight" : nil
  }

  /// The second factor, when `first` is the first of a pair "name.0", "name.1" with nothing between.
  private func secondFactor(after first: Node) -> (Node, Scheme)? {
    guard obstacle(first) == nil, let second = secondFactor(named: first), !sharesWeight(second) else { return nil }
    if second.operation is Linear, first.operation is Linear { return (second, .spatialFirst) }
    guard second.operation is Convolution, first.operation is Convolution,
      let shape = parameter(.weight, of: first)?.shape, let behind = parameter(.weight, of: second)?.shape
    else { return nil }
    let scheme = Scheme.matching(
      Factor(operation: first.operation, shape: shape), Factor(operation: second.operation, shape: behind))
    return scheme.map { (second, $0) }
  }

  private func pairName(_ first: String) -> String { String(first.dropLast(2)) }

  /// The matrix of a layer (N × S) in float64; for a pair, the product of its factors.
  public func matrix(of layer: MatrixLayer) -> Tensor {
    let weights = weights(of: layer)
    return layer.isPair ? layer.scheme.product(weights[0], weights[1]) : weights[0].to(.float64).unfolded
  }

  /// The shape of the weight of the layer as one node, N×C×d_h×d_w or N×S.
  func wholeShape(of layer: MatrixLayer) -> [Int] {
    let shapes = weights(of: layer).map(\.shape)
    guard layer.isPair else { return shapes[0] }
    return [shapes[1][0], shapes[0][1]] + shapes[0].indices.dropFirst(2).map { max(shapes[0][$0], shapes[1][$0]) }
  }

  private func weights(of layer: MatrixLayer) -> [Tensor] {
    layer.nodes.map { name in
      guard let node = self[name], let weight = parameter(.weight, of: node) else {
        preconditionFailure("layer \(layer.name) has no node \(name)")
      }
      return weight
    }
  }
}
