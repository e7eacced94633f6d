import Networks

/// Makes a network smaller in three steps: `plan` decides, `apply` rewrites, `prove` compares.
///
/// A plan is made to a `Target`. A `WidthSearch` tries how many units each channel group keeps; the `Analysis` of the
/// network at these widths gives every layer its `Candidate`s: a form (dense, or two factors of some rank), what the
/// form costs by a `CostModel` and what it loses by a `LossModel`. An `Allocator` picks one candidate for each layer.
/// The result is a `Plan`, a value that can be printed, saved, edited and given back; a layer that stays as it stands
/// has a `DenseReason`. To plan by something new is to write a `LossModel` or a `CostModel`.
public struct Compressor: Sendable {
  public var settings: PlanSettings
  /// Names of layers that stay as they are; `*` stands for anything. Nil leaves out the first and the last.
  public var skip: [String]?
  /// Tells how long layers take; a plan by time needs one.
  public var clock: LayerClock?
  /// What layers read for images. With it energies are variances of activations, whatever measure the settings have,
  /// and errors count as they change these; without, both are those of the weights.
  public var moments: InputMoments?
  /// What a loss in each layer does to the outputs; nil takes all layers for alike.
  public var effects: LayerEffects?

  public init(_ settings: PlanSettings, skip: [String]? = nil, clock: LayerClock? = nil) {
    self.settings = settings
    self.skip = skip
    self.clock = clock
  }

  /// What principal components hold is variance.
  var measure: EnergyMeasure { moments == nil ? settings.measure : .squares }
  var search: WidthSearch { WidthSearch(settings, fastStep: clock?.unitStep ?? 8) }

  /// The plan for a network, which stays as it is.
  ///
  /// - Parameter progress: told before each analysis of the network how many are expected in all.
  /// - Throws: `PlanError` when the target cannot be reached, `NetworkError`, `TorchError`, and what `progress` throws.
  public func plan(for network: Network, progress: (_ expected: Int) throws -> Void = { _ in }) throws -> Plan {
    guard !network.isQuantized else {
      throw PlanError("the network is of 8 bits; compress the one that it was made of, and quantise what comes out")
    }
    let analyzer = try analyzer(of: network)
    let expected = expectedAnalyses(groups: analyzer.groupCount)
    var plan: Plan
    if case .time(let fraction) = settings.target, let runtime = clock?.runtime {
      plan = try self.plan(for: network, within: fraction, by: runtime) { widths, fidelity in
        try progress(Self.attempts * expected)
        return try analyzer.analysis(at: widths, fidelity)
      }
    } else {
      plan = try self.plan { widths, fidelity in
        try progress(expected)
        return try analyzer.analysis(at: widths, fidelity)
      }
    }
    plan.activationImages = moments?.images
    plan.leftOut = leftOut(of: network).sorted()
    return plan
  }

  /// The plan by energy alone, with `unitShare` of the units' norms kept whatever the target.
  ///
  /// - Throws: as `plan`.
  public func plan(for network: Network, unitShare: Double) throws -> Plan {
    var plan = try plan { _, _ in try analyzer(of: network).analysis(at: .share(unitShare)) }
    plan.unitShare = unitShare
    return plan
  }

  /// Refuses a number of parameters or MACs that no plan reaches, by one analysis of the smallest network; whether a
  /// time can be reached is known by planning alone.
  ///
  /// - Throws: `PlanError`, `NetworkError`, `TorchError`.
  public func checkReach(of network: Network) throws {
    guard case .size(let fractions) = settings.target else { return }
    let analyzer = try analyzer(of: network)
    _ = try smallest({ try analyzer.analysis(at: $0, $1) }, fractions)
  }

  /// The names of the layers that stay as they are.
  public func leftOut(of network: Network) -> Set<String> {
    Set(Regularizer(nuclear: 0, group: 0, skip: skip).skipped(in: network.matrixLayers))
  }

  /// What is cut in one layer must leave the others alone.
  private func analyzer(of network: Network) throws -> Analyzer { try Analyzer(network.separatingParameters(), self) }

  /// About how many analyses a plan takes of a network with so many channel groups.
  private func expectedAnalyses(groups: Int) -> Int {
    if settings.units == .zero { return 1 }
    if search.weighsUnits { return 8 + 4 * groups }
    if case .energy = settings.target { return 1 }
    return 2 + Self.halvings(ofUnits: true)
  }
}

extension Compressor {
  /// The plan for one analysis.
  ///
  /// - Throws: `PlanError` when the target cannot be reached.
  func plan(for analysis: Analysis) throws -> Plan { try plan { _, _ in analysis } }

  /// The same where the analysis depends on the widths.
  ///
  /// - Throws: `PlanError`, and what `analysis` throws.
  func plan(_ analysis: WidthSearch.Analyze) throws -> Plan {
    for share in settings.target.shares where !(0...1).contains(share) {
      throw PlanError("the plan is to keep \(share), expected more than 0 and at most 1")
    }
    switch settings.target {
    case .energy(let share): return plan(for: try analysis(.share(1), .exact), energy: share, unitShare: 1)
    case .size(let fractions): return try largest(analysis, fractions)
    case .time(let fraction): return try fastest(analysis, within: fraction)
    }
  }

  /// The plan in which every layer keeps this share of its energy, as `Allocator.uniform` has it.
  func plan(for analysis: Analysis, energy: Double, unitShare: Double) -> Plan {
    let chosen = analysis.layers.map { uniformForm(of: $0, energy: energy) }
    return plan(for: analysis, chosen, energy: energy, unitShare: unitShare)
  }

  private func uniformForm(of layer: Analysis.Layer, energy: Double) -> Plan.Choice {
    if let obstacle = layer.obstacle { return .dense(obstacle) }
    let wanted = max(1, settings.minimumRank, layer.spectrum.rank(keeping: energy, measure))
    let rank = min(wanted, layer.spectrum.values.count)
    if let current = layer.factorizedRank {
      return rank < current ? .lowRank(rank: rank) : .dense(.alreadyAtRank(current))
    }
    if settings.decompositions == .any, let smallest = layer.smallest(atErrorOf: rank) { return smallest }
    let form = Form.lowRank(rank: rank)
    return layer.change(to: form).parameters < 0 ? Plan.Choice(form: form) : .dense(.notSmaller(rank: rank))
  }

  /// The plan that takes these candidates, one for each layer; its energy and share of units are the least of any layer
  /// and group.
  func plan(
    for analysis: Analysis, _ chosen: [Candidate], reason: (Analysis.Layer) -> DenseReason
  ) -> Plan {
    let choices = chosen.map { candidate in
      let layer = analysis.layers[candidate.layer]
      return candidate.form == .dense ? .dense(layer.obstacle ?? reason(layer)) : Plan.Choice(form: candidate.form)
    }
    let share = analysis.groups.map(\.share).min() ?? 1
    var plan = plan(for: analysis, choices, energy: 0, unitShare: share)
    plan.energy = plan.layers.map(\.energy).min() ?? 1
    return plan
  }

  func plan(for analysis: Analysis, _ choices: [Plan.Choice], energy: Double, unitShare: Double) -> Plan {
    let changes = zip(analysis.layers, choices).map { $0.change(to: $1.form) }
    return Plan(
      layers: zip(analysis.layers, choices).map { Plan.Layer($0, $1, measure) }, original: analysis.original,
      predicted: changes.reduce(analysis.narrowed, +), energyMeasure: measure, energy: energy, unitShare: unitShare,
      widths: analysis.widths, minimumUnits: settings.minimumUnits)
  }
}

extension Analysis.Layer {
  /// The form of the fewest weights whose error is no larger than that of the paper's unfolding at `rank`; nil where
  /// none has fewer than the layer.
  ///
  /// Unfoldings are compared by the Frobenius error of the weight: their Σσ say nothing about each other.
  fileprivate func smallest(atErrorOf rank: Int) -> Plan.Choice? {
    // Rounding must not take the paper's unfolding for worse than itself.
    let allowed = spectrum.error(of: rank) * (1 + 1e-9) + 1e-12 * spectrum.error(of: 0)
    let found = curves.compactMap { curve -> (form: Form, weights: Int)? in
      guard let enough = (1...curve.spectrum.values.count).first(where: { curve.spectrum.error(of: $0) <= allowed })
      else {
        return nil
      }
      return (.lowRank(curve.decomposition, rank: enough), curve.costs[enough].parameters)
    }
    guard let best = found.min(by: { $0.weights < $1.weights }), best.weights < weights else { return nil }
    return Plan.Choice(form: best.form)
  }
}
