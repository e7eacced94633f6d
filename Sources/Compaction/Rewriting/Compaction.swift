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
  var silent: SilentUnits
  /// The layers of the narrowed network that were factorised.
  var layers: [(layer: MatrixLayer, factors: Factorization)] = []
  /// The narrowed network, from before the factorising.
  var narrow: Network
}

/// Plans and executes: narrow first, then factorise, since input slices of silent units carry energy nobody reads.
public struct Compactor: Sendable {
  public var planner: Planner
  /// Names of layers that stay as they are; `*` stands for anything. Nil leaves out the first and the last.
  public var skip: [String]?
  /// Tells how long layers take; a plan by time needs one.
  public var clock: LayerClock?
  /// What layers read for images. With it energies are variances of responses, whatever measure the planner has, and
  /// errors count as they change these; without, both are those of the weights.
  public var moments: InputMoments?

  public init(_ planner: Planner, skip: [String]? = nil, clock: LayerClock? = nil) {
    self.planner = planner
    self.skip = skip
    self.clock = clock
  }

  /// Makes the small network and the truncated one to compare it with; `proof` compares them.
  ///
  /// - Parameter progress: told before each look at the network how many are expected in all.
  /// - Throws: `PlanError` when the goal cannot be reached, `NetworkError`, `TorchError`, and what `progress` throws.
  public func compact(_ network: Network, progress: (_ expected: Int) throws -> Void = { _ in }) throws -> Compacted {
    // What is cut in one layer must leave the others alone.
    let network = network.separatingParameters()
    var planner = planner
    // What principal components hold is variance.
    if moments != nil { planner.measure = .squares }
    let cutter = try cutter(of: network)
    let expected = planner.expectedSurveys(ties: cutter.ties)
    var plan = try planner.plan { choice in
      try progress(expected)
      return try cutter.survey(keeping: choice)
    }
    plan.responses = moments?.images
    let cut = try cutter.cut(keeping: plan.unitChoice)
    return try execute(plan, cut.quiet, cut.narrow, cut.silent) {
      cutter.norm(of: $0, in: cut.narrow, without: cut.silent)
    }
  }

  /// What `compact` would do; nothing is changed.
  ///
  /// - Throws: as `compact`.
  public func plan(for network: Network, progress: (_ expected: Int) throws -> Void = { _ in }) throws -> Plan {
    try compact(network, progress: progress).plan
  }

  /// Makes the small network of a plan that was made before.
  ///
  /// - Throws: as `compact`.
  public func compact(_ network: Network, by plan: Plan) throws -> Compacted {
    let network = network.separatingParameters()
    let cutter = try cutter(of: network)
    let cut = try cutter.cut(keeping: plan.unitChoice)
    return try execute(plan, cut.quiet, cut.narrow, cut.silent) {
      cutter.norm(of: $0, in: cut.narrow, without: cut.silent)
    }
  }

  /// The plan by energy alone, with `unitShare` of the units' norms kept whatever the goal.
  ///
  /// - Throws: as `compact`.
  public func plan(for network: Network, unitShare: Double) throws -> Plan {
    let cutter = try cutter(of: network)
    let survey = try cutter.survey(keeping: .share(unitShare))
    var plan = try planner.plan(for: survey)
    plan.unitShare = unitShare
    return plan
  }

  /// Refuses a number of parameters or MACs that no plan reaches, by one look at the smallest network.
  ///
  /// - Throws: `PlanError`, `NetworkError`, `TorchError`.
  public func checkReach(of network: Network) throws {
    let cutter = try cutter(of: network)
    try planner.checkReach { try cutter.survey(keeping: $0) }
  }

  private func cutter(of network: Network) throws -> UnitCutter {
    try UnitCutter(
      network.separatingParameters(), planner, clock: clock, moments: moments, leavingOut: leftOut(of: network))
  }

  /// The names of the layers that stay as they are.
  public func leftOut(of network: Network) -> Set<String> {
    Set(Regularizer(nuclear: 0, group: 0, skip: skip).skipped(in: network.matrixLayers))
  }

  private func execute(
    _ plan: Plan, _ network: Network, _ narrow: Network, _ silent: SilentUnits, in norm: (MatrixLayer) -> ResponseNorm?
  ) throws -> Compacted {
    var small = narrow
    var rewrite = Rewrite(silent: silent, narrow: narrow)
    var truncated = network.to(.float64)
    let layers = Dictionary(narrow.matrixLayers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for choice in plan.layers {
      guard case .factorized(let rank, let scheme) = choice.choice, let layer = layers[choice.name] else { continue }
      let (matrix, norm) = (narrow.matrix(of: layer), norm(layer))
      let factors = try Factorization(
        matrix, as: scheme, shape: narrow.wholeShape(of: layer), rank: rank, in: norm)
      small = try small.factorizing(layer, factors)
      let error = small.matrix(of: small.layer(named: choice.name)) - matrix
      let measured = norm.map { $0(error, as: scheme) } ?? error.norm
      // Of responses, errors are roots of sums of eigenvalues: half of the digits are left.
      let rounding = norm == nil ? 1e-6 : 1e-5
      guard abs(measured - choice.error) <= 1e-3 * choice.error + rounding * choice.norm else {
        throw CompactionError(
          """
          layer \(choice.name) at rank \(rank) is off by \(measured), predicted \(choice.error); nothing was written, \
          please report this network
          """)
      }
      try truncated.replace(layer, by: factors, silent)
      rewrite.layers.append((layer, factors))
    }
    try small.validate()
    return Compacted(network: small, truncated: truncated, plan: plan, rewrite: rewrite)
  }
}

/// A compact network that is not what it should be.
public struct CompactionError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension Network {
  /// Puts the truncated matrix of the narrow layer into the rows and columns it came from.
  fileprivate mutating func replace(_ layer: MatrixLayer, by factors: Factorization, _ silent: SilentUnits) throws {
    // A pair keeps both its nodes: W_r = (U√Σ)(√ΣVᵀ) goes into their old shape, padded with zeros to the old rank.
    let matrices = layer.isPair ? [factors.first, factors.second] : [factors.truncated]
    for (node, matrix) in zip(layer.nodes, matrices) {
      guard let name = self[node]?.parameters[.weight], let old = parameters[name] else { continue }
      parameters[name] = silent.embed(matrix, into: old, name)
    }
  }
}

extension SilentUnits {
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
