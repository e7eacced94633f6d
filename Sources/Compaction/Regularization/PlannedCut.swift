import Networks
import Torch

/// What a plan would take from a network: the components beyond the rank of each layer that is to become factors, and
/// the units that are to go. A value without tensors, for checkpoints.
public struct PlannedCut: Sendable, Codable, Equatable {
  /// The form of every layer that is to become factors, by its name.
  public private(set) var forms: [String: Form] = [:]
  /// The places of the units that are to go, by channel group.
  public private(set) var units: [String: [Int]] = [:]
  /// Layers whose units stay.
  fileprivate var leftOut: [String]

  /// - Parameter network: the one that the plan is for.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ plan: Plan, of network: Network) throws {
    leftOut = plan.leftOut
    for layer in plan.layers where layer.form != .dense { forms[layer.name] = layer.form }
    for group in try ChannelGroups(of: network, removableBut: Set(leftOut)).all {
      let norms = group.norms(network.parameters)
      let strongestFirst = norms.indices.sorted { (norms[$0], $1) > (norms[$1], $0) }
      let kept = Widths.counts(plan.widths).kept(
        of: group.name, strongestFirst.map { norms[$0] }, atLeast: plan.minimumUnits, multipleOf: 1)
      if kept < norms.count { units[group.name] = strongestFirst.dropFirst(kept).sorted() }
    }
  }
}

/// The partial regulariser: a planned cut bound to a network, and the proximal step that shrinks what the plan would
/// cut and nothing else.
///
/// A plain nuclear norm lowers every singular value, kept ones too, and so biases what stays. Here the very plan that
/// will make the cut says what is to vanish (ranks and units, in any decomposition); the loss of the cut moves into a
/// training that can answer it, and at the end the cut changes nothing.
public struct PartialRegularization: Sendable {
  public let cut: PlannedCut
  private var groups: [(group: ChannelGroup, units: [Int])] = []
  private var matrices: [Matrix] = []

  /// A layer that is to become factors.
  fileprivate struct Matrix {
    var layer: MatrixLayer
    var decomposition: Decomposition
    var rank: Int
    /// 1 where a row, and an input, of the weight stays and 0 elsewhere; nil where all do.
    var rows: Tensor?
    var inputs: Tensor?
  }

  /// - Parameter network: the one that the cut was planned for, its weights now.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ cut: PlannedCut, on network: Network) throws {
    self.cut = cut
    var narrow = network
    for group in try ChannelGroups(of: network, removableBut: Set(cut.leftOut)).all {
      guard let units = cut.units[group.name] else { continue }
      groups.append((group, units))
      narrow.parameters.merge(group.scaled(narrow.parameters, by: Self.factors(group, units, 0))) { $1 }
    }
    let removable = try RemovableChannels(in: narrow)
    for layer in network.matrixLayers {
      guard case .lowRank(let decomposition, let rank)? = cut.forms[layer.name] else { continue }
      matrices.append(
        Matrix(
          layer: layer, decomposition: decomposition, rank: rank,
          rows: removable.mask(layer.weights[layer.weights.count - 1], axis: 0, of: network),
          inputs: removable.mask(layer.weights[0], axis: 1, of: network)))
    }
  }

  /// The factor `factor` on some units of a group and 1 on the others.
  private static func factors(_ group: ChannelGroup, _ units: [Int], _ factor: Double) -> [Double] {
    var factors = [Double](repeating: 1, count: group.count)
    for unit in units { factors[unit] = factor }
    return factors
  }

  /// The parameters that change in a step.
  ///
  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  func changed(_ parameters: [String: Tensor], _ shrinkage: Shrinkage) throws -> [String: Tensor] {
    var current = parameters
    var changed: [String: Tensor] = [:]
    let matrices = matrices
    let weights = matrices.map { $0.layer.weights.compactMap { parameters[$0] } }
    let new = try Library.parallel(matrices.count) { try matrices[$0].shrunk(weights[$0], shrinkage) }
    for (matrix, weight) in zip(matrices, new) {
      changed[matrix.layer.weights[matrix.layer.weights.count - 1]] = weight
    }
    current.merge(changed) { $1 }
    for (group, units) in groups {
      let norms = group.norms(current)
      var factors = Self.factors(group, units, 1)
      for (unit, factor) in zip(units, shrinkage.factors(on: units.map { norms[$0] })) { factors[unit] = factor }
      let scaled = group.scaled(current, by: factors)
      current.merge(scaled) { $1 }
      changed.merge(scaled) { $1 }
    }
    return changed
  }

  /// The channel groups that units are to go from.
  var affectedGroups: [ChannelGroup] { groups.map(\.group) }
}

extension PartialRegularization.Matrix {
  /// The layer's last weight, changed.
  func shrunk(_ weights: [Tensor], _ shrinkage: Shrinkage) throws -> Tensor {
    let last = weights[weights.count - 1].to(.float64)
    let change: Tensor
    if layer.isFactorized {
      // What stands on the left of the product U·M changes U alone.
      let second = masked(last, rows, axis: 0).unfolded
      let product = second.matmul(masked(weights[0].to(.float64), inputs, axis: 1).unfolded)
      change = try PartialThresholding(product, rank: rank, shrinkage, onTheLeft: true).change(of: second)
    } else {
      let read = masked(masked(last, rows, axis: 0), inputs, axis: 1).unfolded
      change = try decomposition.isPair ? unfoldingChange(of: read, shrinkage) : residualChange(of: read, shrinkage)
    }
    return (last + change.reshaped(last.shape)).to(weights[weights.count - 1].dtype)
  }

  /// What the matrix changes by where the unfolding's singular values behind the rank become less.
  private func unfoldingChange(of matrix: Tensor, _ shrinkage: Shrinkage) throws -> Tensor {
    let unfolding = decomposition.unfolding(matrix, layer.shape)
    return decomposition.folding(
      try PartialThresholding(unfolding, rank: rank, shrinkage).change(of: unfolding), layer.shape)
  }

  /// The same of more than two factors, which no spectrum belongs to: W′ = W̃ + E′, where the singular values of what
  /// the cut leaves out, E = W − W̃, become less.
  private func residualChange(of matrix: Tensor, _ shrinkage: Shrinkage) throws -> Tensor {
    let kept = try Factorization(matrix, as: decomposition, shape: layer.shape, rank: rank).truncated
    let residual = matrix - kept
    return try PartialThresholding(residual, rank: 0, shrinkage).change(of: residual)
  }

  /// A weight with zeros where rows, or inputs, are to go: they are no part of the matrix that is cut.
  private func masked(_ weight: Tensor, _ mask: Tensor?, axis: Int) -> Tensor {
    var shape = Array(repeating: 1, count: weight.shape.count)
    shape[axis] = -1
    return mask.map { weight * $0.reshaped(shape) } ?? weight
  }
}

extension RemovableChannels {
  /// 1 where a channel along an axis of a parameter stays and 0 elsewhere, in float64; nil where all stay.
  fileprivate func mask(_ parameter: String, axis: Int, of network: Network) -> Tensor? {
    guard let count = network.parameters[parameter]?.shape[axis] else { return nil }
    let kept = kept(parameter, axis: axis, count: count)
    guard kept.count < count else { return nil }
    var mask = [Double](repeating: 0, count: count)
    for place in kept { mask[place] = 1 }
    return Tensor(mask, shape: [count])
  }
}
