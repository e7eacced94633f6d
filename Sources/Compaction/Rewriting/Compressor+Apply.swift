import Networks
import Torch

/// A network made small by a plan, with what is needed to prove it.
public struct Compacted: Sendable {
  /// The small network.
  public var network: Network
  /// The given network with the same information thrown away, in its old shape and in float64.
  public var truncated: Network
  public var plan: Plan
  /// What it was made by, for whatever else has to follow.
  let rewrite: Rewrite
}

/// The steps from a network to its compact form: which channels went, and which layers became what factors.
struct Rewrite: Sendable {
  var removable: RemovableChannels
  /// The layers of the narrowed network that were factorised.
  var layers: [(layer: MatrixLayer, factors: Factorization)] = []
  /// The narrowed network, from before the factorising.
  var narrow: Network
}

extension Compressor {
  /// Makes the small network and the truncated one to compare it with; `prove` compares them.
  ///
  /// Narrows first, then factorises, since input slices of removable units carry energy nobody reads.
  ///
  /// - Parameter plan: for this network, with the compressor's moments where it has some; one from elsewhere has to be
  ///   `fitted` first.
  /// - Throws: `CompactionError` when a layer's error is not the predicted one, `NetworkError`, `TorchError`.
  public func apply(_ plan: Plan, to network: Network) throws -> Compacted {
    let network = network.separatingParameters()
    let narrowing = try narrowing(of: network, by: plan)
    let narrow = narrowing.narrow
    var small = narrow
    var rewrite = Rewrite(removable: narrowing.removable, narrow: narrow)
    var truncated = narrowing.quiet.to(.float64)
    let layers = Dictionary(narrow.matrixLayers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for entry in plan.layers {
      guard case .lowRank(let decomposition, let rank) = entry.form, let layer = layers[entry.name] else { continue }
      let norm = moments?.norm(of: layer, in: narrowing, of: network)
      let matrix = narrow.matrix(of: layer)
      let factors = try Factorization(
        matrix, as: decomposition, shape: layer.shape, rank: rank, in: norm)
      small = try small.factorizing(layer, factors)
      let error = small.matrix(of: small.layer(named: entry.name)) - matrix
      try entry.checkError(norm.map { $0(error, as: decomposition) } ?? error.norm, isOfActivations: norm != nil)
      try truncated.replace(layer, by: factors, narrowing.removable)
      rewrite.layers.append((layer, factors))
    }
    try small.validate()
    return Compacted(network: small, truncated: truncated, plan: plan, rewrite: rewrite)
  }

  /// Plans and applies the plan.
  ///
  /// - Throws: as `plan` and `apply`.
  public func compact(_ network: Network, progress: (_ expected: Int) throws -> Void = { _ in }) throws -> Compacted {
    try apply(plan(for: network, progress: progress), to: network)
  }

  /// Proves that the small network computes what the plan keeps of the given one.
  ///
  /// - Throws: `CompactionError` when it does not, or nothing can be proved, `NetworkError`.
  public func prove(_ compacted: Compacted) throws -> EqualityProof {
    try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
  }

  /// - Parameter network: one whose layers share no parameters.
  func narrowing(of network: Network, by plan: Plan) throws -> Narrowing {
    let groups = try ChannelGroups(of: network, removableBut: Set(plan.leftOut))
    return try Narrowing(of: network, groups, to: .counts(plan.widths), minimumUnits: plan.minimumUnits)
  }
}

extension Plan.Layer {
  /// - Throws: `CompactionError` when the error is not that of the plan, or of more than two factors larger.
  fileprivate func checkError(_ measured: Double, isOfActivations: Bool) throws {
    // Of activations, errors are roots of sums of eigenvalues: half of the digits are left.
    let rounding = isOfActivations ? 1e-5 : 1e-6
    let difference = form.isExact ? abs(measured - error) : measured - error
    guard difference <= 1e-3 * error + rounding * norm else {
      throw CompactionError(
        """
        layer \(name) at rank \(form.rank ?? 0) is off by \(measured), predicted \(error); nothing was written, \
        please report this network
        """)
    }
  }
}

/// A compact network that is not what it should be.
public struct CompactionError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension Network {
  /// Puts the truncated matrix of the narrow layer into the rows and columns it came from.
  fileprivate mutating func replace(_ layer: MatrixLayer, by factors: Factorization, _ removable: RemovableChannels)
    throws
  {
    // A pair keeps both its nodes: W_r = (U√Σ)(√ΣVᵀ) goes into their old shape, padded with zeros to the old rank.
    let matrices = layer.isFactorized ? factors.factors.map(\.unfolded) : [factors.truncated]
    for (node, matrix) in zip(layer.nodes, matrices) {
      guard let name = self[node]?.parameters[.weight], let old = parameters[name] else { continue }
      parameters[name] = removable.embed(matrix, into: old, name)
    }
  }
}

extension RemovableChannels {
  /// `matrix` (kept rows × kept columns·taps) written over the kept part of `weight`; the rest stays.
  fileprivate func embed(_ matrix: Tensor, into weight: Tensor, _ name: String) -> Tensor {
    let taps = weight.shape.dropFirst(2).reduce(1, *)
    let rows = kept(name, axis: 0, count: weight.shape[0])
    let columns = kept(name, axis: 1, count: weight.shape[1])
    var values = weight.doubles
    let new = matrix.doubles
    let (width, newWidth) = (weight.shape[1] * taps, matrix.shape[1])
    let newRows = matrix.shape[0]
    for (i, row) in rows.enumerated() {
      for (j, column) in columns.enumerated() {
        for tap in 0..<taps {
          let k = j * taps + tap
          values[row * width + column * taps + tap] = i < newRows && k < newWidth ? new[i * newWidth + k] : 0
        }
      }
    }
    return Tensor(values, shape: weight.shape)
  }
}
