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

  /// A matrix under the nuclear norm.
  public struct MatrixTarget: Sendable {
    public var layer: String
    public var weight: String
    var factor: Double
  }

  /// A family of groups under the group lasso.
  public struct GroupTarget: Sendable {
    public var family: GroupFamily
    var factor: Double
  }

  /// The scales of the start; they go into the checkpoint.
  public struct StartingScales: Sendable, Codable, Equatable {
    /// Mean singular value by layer.
    public var singularValue: [String: Double] = [:]
    /// Mean group norm by family.
    public var groupNorm: [String: Double] = [:]
    /// ‖W‖ by weight, of those that a batch norm follows.
    public var norm: [String: Double] = [:]
  }

  /// - Parameter start: the scales of an earlier start, when training is resumed; nil measures them.
  /// - Throws: `NetworkError` when the network is not valid, `TorchError` when a weight is not finite.
  public init(_ regularizer: Regularizer, on network: Network, start: StartingScales? = nil) throws {
    self.regularizer = regularizer
    let layers = network.matrixLayers
    let skipped = Set(regularizer.skipped(in: layers))
    let nodesSkipped = network.nodesWithoutGroups(leavingOut: skipped)
    // The factors of a pair are left out: their product is what has a rank, and it has been cut already.
    for layer in layers where !layer.isPair && layer.obstacle == nil && !skipped.contains(layer.name) {
      guard let weight = network[layer.name]?.parameters[.weight] else { continue }
      matrices.append(
        MatrixTarget(layer: layer.name, weight: weight, factor: regularizer.factor(of: [layer.name])))
    }
    groups = try UnitGroups(
      of: network, norm: regularizer.groupNorm, leavingOut: nodesSkipped.contains
    ).families.map { family in
      GroupTarget(family: family, factor: regularizer.factor(of: family.makers))
    }
    self.start = start ?? StartingScales()
    if start == nil { try measure(network) }
  }

  private mutating func measure(_ network: Network) throws {
    for target in matrices {
      guard let weight = network.parameters[target.weight] else { continue }
      start.singularValue[target.layer] = try Spectrum(of: weight.unfolded).mean
    }
    for target in groups {
      let norms = target.family.norms(network.parameters)
      start.groupNorm[target.family.name] = norms.reduce(0, +) / Double(max(1, norms.count))
    }
    for node in network.nodes where node.operation is Convolution || node.operation is Linear {
      let readers = network.readers(of: node.name)
      guard !readers.isEmpty, readers.allSatisfy({ $0.operation is BatchNorm }), node.parameters[.bias] == nil,
        let weight = node.parameters[.weight], let tensor = network.parameters[weight]
      else { continue }
      start.norm[weight] = tensor.to(.float64).norm
    }
  }

  /// Whether the layer's weight gets its norm back after each step.
  public func restoresNorm(of layer: String) -> Bool {
    let weight = matrices.first { $0.layer == layer }?.weight
    return regularizer.restoresNorm && weight.flatMap { start.norm[$0] } != nil
  }

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
    let root = Double(max(1, target.family.size(parameters))).squareRoot()
    let unit = regularizer.scale == .relative ? start.groupNorm[target.family.name] ?? 0 : root
    let whole = t * regularizer.group * target.factor * unit
    return ((1 - regularizer.sparsity) * whole, regularizer.sparsity * whole / root)
  }
}

extension Regularizer {
  /// The layers that are left out: those that `skip` names, or the first convolution and the last layer.
  func skipped(in layers: [MatrixLayer]) -> [String] {
    guard let skip else { return Array(Set([layers.first, layers.last].compactMap { $0?.name })) }
    let patterns = skip.map(Pattern.init)
    return layers.map(\.name).filter { name in patterns.contains { $0.matches(name) } }
  }
}
