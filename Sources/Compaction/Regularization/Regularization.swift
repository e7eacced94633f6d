import Networks
import Torch

/// A regulariser bound to a network: which matrices, which groups, and what a strength of 1 means for each.
///
/// It is made once, when training starts, and kept in the checkpoint: relative strengths and the norms to restore are
/// those of the start.
public struct Regularization: Sendable {
  public let regularizer: Regularizer
  /// The layers whose matrix gets a low rank.
  public private(set) var matrices: [MatrixTarget] = []
  /// The groups that may vanish.
  public private(set) var groups: [GroupTarget] = []
  /// What was measured when training started.
  public private(set) var start: StartingScales
  /// The layers that a batch norm follows, with their weights.
  let normalized: [(layer: String, weights: [String])]
  /// The weights of all pairs, first factor first.
  private let pairs: [[String]]

  /// A matrix under the nuclear norm: one weight, or the product of a pair's.
  public struct MatrixTarget: Sendable {
    public var layer: String
    /// The weight, or those of the two factors in execution order.
    public var weights: [String]
    var factor: Double
  }

  /// A channel group under the group lasso.
  public struct GroupTarget: Sendable {
    public var group: ChannelGroup
    var factor: Double
  }

  /// The scales of the start; they go into the checkpoint.
  public struct StartingScales: Sendable, Codable, Equatable {
    /// Mean singular value by layer.
    public var singularValue: [String: Double] = [:]
    /// Mean group norm by group.
    public var groupNorm: [String: Double] = [:]
    /// ‖W‖ by layer, of those that a batch norm follows.
    public var norm: [String: Double] = [:]
  }

  /// - Parameter start: the scales of an earlier start, when training is resumed; nil measures them.
  /// - Throws: `NetworkError` when the network is not valid, `TorchError` when a weight is not finite.
  public init(_ regularizer: Regularizer, on network: Network, start: StartingScales? = nil) throws {
    self.regularizer = regularizer
    let layers = network.matrixLayers
    let skipped = Set(regularizer.skipped(in: layers))
    let nodesSkipped = network.nodesWithoutGroups(leavingOut: skipped).union(regularizer.frozenNodes(of: network))
    for layer in layers where layer.obstacle == nil && !skipped.contains(layer.name) {
      let factor = regularizer.factor(of: [layer.name])
      matrices.append(MatrixTarget(layer: layer.name, weights: layer.weights, factor: factor))
    }
    // Factors of other decompositions make another matrix, which nothing here trains.
    let known = layers.filter { $0.decomposition == .spatialFirst }
    normalized = known.filter(network.isNormalized).map { ($0.name, $0.weights) }
    pairs = known.filter(\.isFactorized).map(\.weights)
    groups = try ChannelGroups(
      of: network, norm: regularizer.groupNorm, leavingOut: nodesSkipped.contains
    ).all.map { group in
      GroupTarget(group: group, factor: regularizer.factor(of: group.makers))
    }
    self.start = start ?? StartingScales()
    if start == nil { try measure(network) }
  }

  private mutating func measure(_ network: Network) throws {
    for target in matrices {
      let matrix = Self.matrix(target.weights, network.parameters)
      start.singularValue[target.layer] = try matrix.map { try Spectrum(of: $0).mean }
    }
    for target in groups {
      let norms = target.group.norms(seeingProducts(network.parameters, of: target.group))
      start.groupNorm[target.group.name] = norms.reduce(0, +) / Double(max(1, norms.count))
    }
    start.measureNorms(normalized, network.parameters)
  }

  /// Takes the norms that are restored as they are now, as after the network was made smaller.
  public mutating func measureNorms(of network: Network) { start.measureNorms(normalized, network.parameters) }

  /// The matrix that `weights` make (N × S) in float64: the one, or the product of two factors.
  static func matrix(_ weights: [String], _ parameters: [String: Tensor]) -> Tensor? {
    let factors = weights.compactMap { parameters[$0]?.to(.float64).unfolded }
    guard factors.count == weights.count, let first = factors.first else { return nil }
    return factors.count == 2 ? factors[1].matmul(first) : first
  }

  /// `parameters` with the second factor of every pair in `group` replaced by the pair's product, whose rows are its
  /// units.
  func seeingProducts(_ parameters: [String: Tensor], of group: ChannelGroup) -> [String: Tensor] {
    var result = parameters
    for weights in pairs where group.members.contains(where: { $0.parameter == weights[1] }) {
      result[weights[1]] = Self.matrix(weights, parameters)
    }
    return result
  }

  /// Whether `parameter` is a factor, whose single elements mean nothing.
  func isFactor(_ parameter: String) -> Bool { pairs.contains { $0.contains(parameter) } }

  /// Whether a batch norm follows the layer, so that its function does not depend on the norm of its weight.
  public func isNormalized(_ layer: String) -> Bool { normalized.contains { $0.layer == layer } }

  /// Threshold of the nuclear norm for a step of length `t`.
  public func threshold(of target: MatrixTarget, t: Double) -> Double {
    let unit = regularizer.scale == .relative ? start.singularValue[target.layer] ?? 0 : 1
    return t * regularizer.nuclear * target.factor * unit
  }

  /// Thresholds of the group lasso for a step of length `t`: t(1 − α)λ_l√P for groups and tαλ_l for elements.
  ///
  /// Relative strengths carry √P in the mean norm of the groups; absolute ones have it as the paper writes it.
  public func thresholds(
    of target: GroupTarget, t: Double, _ parameters: [String: Tensor]
  ) -> (group: Double, element: Double) {
    let root = Double(max(1, target.group.size(parameters))).squareRoot()
    let unit = regularizer.scale == .relative ? start.groupNorm[target.group.name] ?? 0 : root
    let whole = t * regularizer.group * target.factor * unit
    return ((1 - regularizer.sparsity) * whole, regularizer.sparsity * whole / root)
  }
}

extension Regularization.StartingScales {
  /// Takes the norms as they are now, as after a network was made smaller.
  mutating func measureNorms(_ normalized: [(layer: String, weights: [String])], _ parameters: [String: Tensor]) {
    norm = [:]
    for (layer, weights) in normalized { norm[layer] = Regularization.matrix(weights, parameters)?.norm }
  }
}

extension Network {
  /// Whether nothing but batch norms reads the layer, so that its function does not depend on its norm.
  fileprivate func isNormalized(_ layer: MatrixLayer) -> Bool {
    guard let last = layer.nodes.last, self[last]?.parameters[.bias] == nil else { return false }
    let readers = readers(of: last)
    return !readers.isEmpty && readers.allSatisfy(\.keepsStatistics)
  }
}

extension Regularizer {
  /// The layers that are left out: those that `skip` names, or the first convolution and the last layer, and
  /// those that are not trained.
  func skipped(in layers: [MatrixLayer]) -> [String] {
    let names = layers.map(\.name)
    let left = skip.map { names.filter(Pattern.any(of: $0)) } ?? [names.first, names.last].compactMap(\.self)
    return Array(Set(left + names.filter(Pattern.any(of: frozen))))
  }

  /// The nodes whose parameters are not trained.
  fileprivate func frozenNodes(of network: Network) -> [String] {
    network.nodes.map(\.name).filter(Pattern.any(of: frozen))
  }
}
