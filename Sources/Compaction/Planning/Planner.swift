import Networks

/// What a plan has to reach.
public enum PlanGoal: Sendable, Equatable {
  /// Each layer keeps this share of its energy, e_r in the paper.
  case energy(Double)
  /// At most this fraction of the parameters stays.
  case parameters(Double)
  /// At most this fraction of the multiply-accumulates stays.
  case macs(Double)
  /// At most this fraction of the time of the network as given stays, by a `LayerClock`.
  case time(Double)
}

/// Which units go.
public enum UnitCut: String, Sendable, Codable, CaseIterable {
  /// Those that carry nothing; the network loses nothing by it.
  case silent
  /// To reach a size the weakest too, by the norm of their group: where ranks keep a share e of their energy, the
  /// strongest units stay that hold e³ of the norms.
  case weakest

  /// The share of the units' norms that stays where ranks keep `energy`.
  ///
  /// The cube was found on dec3 and chars36, at a tenth of the parameters: e^0.4, e, e³, e⁶ and e⁶⁰ ended at training
  /// losses of 0.394, 0.366, 0.357, 0.346 and 0.341 after 8 epochs, at 2.3, 2.5, 2.7, 2.9 and 3.2 M MACs.
  public func share(atEnergy energy: Double) -> Double {
    switch self {
    case .silent: 1
    case .weakest: energy * energy * energy
    }
  }
}

/// Decides ranks from a survey, and how much of the units' norms stays.
public struct Planner: Sendable {
  public var goal: PlanGoal
  public var units: UnitCut
  /// How ranks are spread over layers where the goal is a size.
  public var allocation: Allocation
  public var measure: EnergyMeasure
  /// Which schemes layers are factorised in.
  public var schemes: SchemeChoice
  /// The smallest rank a layer is cut to.
  public var minimumRank: Int
  /// The fewest units a layer keeps.
  public var minimumUnits: Int
  /// What the fraction of a size relates to; nil is the network that is planned for.
  public var whole: Cost?

  public init(
    goal: PlanGoal, units: UnitCut = .silent, allocation: Allocation = .uniform, measure: EnergyMeasure = .sum,
    schemes: SchemeChoice = .trained, minimumRank: Int = 1, minimumUnits: Int = 1, whole: Cost? = nil
  ) {
    self.schemes = schemes
    self.whole = whole
    self.goal = goal
    self.units = units
    self.allocation = allocation
    self.measure = measure
    self.minimumRank = minimumRank
    self.minimumUnits = minimumUnits
  }

  /// The plan for this network: by energy, or with the most energy that the size allows.
  ///
  /// - Throws: `PlanError` when the size cannot be reached.
  public func plan(for survey: Survey) throws -> Plan { try plan { _ in survey } }

  /// The same where what is surveyed depends on the share of the units' norms that is kept.
  ///
  /// - Throws: `PlanError`, and what `survey` throws.
  func plan(for survey: (_ unitShare: Double) throws -> Survey) throws -> Plan {
    switch goal {
    case .energy(let share), .parameters(let share), .macs(let share), .time(let share):
      guard (0...1).contains(share) else {
        throw PlanError("the plan is to keep \(share), expected more than 0 and at most 1")
      }
    }
    switch goal {
    case .energy(let share): return plan(for: try survey(1), energy: share, unitShare: 1)
    case .parameters(let fraction): return try largest(survey, "parameters", fraction, of: \.parameters)
    case .macs(let fraction): return try largest(survey, "MACs", fraction, of: \.macs)
    case .time(let fraction): return try fastest(survey, within: fraction)
    }
  }

  /// The plan of the largest share, found by halving, whose cost stays within the limit; cost grows with it but for
  /// single ranks.
  private func largest(
    _ survey: (Double) throws -> Survey, _ what: String, _ fraction: Double, of cost: KeyPath<Cost, Int>
  ) throws -> Plan {
    let fixed = units == .silent ? try survey(1) : nil
    func surveyed(_ share: Double) throws -> Survey { try fixed ?? survey(units.share(atEnergy: share)) }
    func plan(keeping share: Double) throws -> Plan {
      self.plan(for: try surveyed(share), energy: share, unitShare: units.share(atEnergy: share))
    }
    let all = try plan(keeping: 1)
    let whole = whole ?? all.original
    let limit = Int(fraction * Double(whole[keyPath: cost]))
    if all.predicted[keyPath: cost] <= limit { return all }
    var best = try plan(keeping: 0)
    guard best.predicted[keyPath: cost] <= limit else {
      let (fewest, advice) =
        units == .silent
        ? ("", "train with a stronger --group so that units vanish")
        : (" and every layer at \(minimumUnits) units", "lower --min-rank and --min-units, or leave fewer layers out")
      let least = Double(best.predicted[keyPath: cost]) / Double(whole[keyPath: cost])
      throw PlanError(
        """
        \(what) cannot be cut to \(fraction) of the original: with every rank at \(minimumRank)\(fewest), \
        \(rounded(least)) remain; ask for \(rounded(least)) or more, or \(advice)
        """)
    }
    var (low, high) = (0.0, 1.0)
    // A share to six digits decides every rank of any layer, one to four digits every unit.
    for _ in 0..<(fixed == nil ? 14 : 20) {
      let middle = (low + high) / 2
      let candidate = try plan(keeping: middle)
      if candidate.predicted[keyPath: cost] <= limit { (low, best) = (middle, candidate) } else { high = middle }
    }
    guard allocation == .global else { return best }
    return try redistributed(best, for: surveyed(low), within: limit, of: cost)
  }

  /// The plan with the same units whose ranks lose least within the limit.
  private func redistributed(
    _ uniform: Plan, for survey: Survey, within limit: Int, of cost: KeyPath<Cost, Int>
  ) -> Plan {
    let offers = survey.layers.map { layer in
      schemes == .any
        ? layer.offersOfAnyScheme(minimumRank: minimumRank, cost) : layer.offers(minimumRank: minimumRank, cost)
    }
    // What layers cannot change: biases, batch norms, everything that is no matrix.
    let fixed = survey.narrowed[keyPath: cost] - offers.map { $0[0].cost }.reduce(0, +)
    guard let allocation = RankAllocation(offers, budget: limit - fixed) else { return uniform }
    let choices = zip(survey.layers, allocation.chosen).map { layer, offer -> Plan.Choice in
      if let rank = offer.rank { return .factorized(rank: rank, scheme: offer.scheme) }
      if let current = layer.factorizedRank { return .dense(reason: layer.obstacle ?? "already at rank \(current)") }
      return .dense(reason: layer.obstacle ?? "a lower rank would lose more than it saves")
    }
    var plan = plan(for: survey, choices, energy: 0, unitShare: uniform.unitShare)
    plan.energy = plan.layers.map(\.energy).min() ?? 1
    return plan
  }

  private func rounded(_ fraction: Double) -> Double { (fraction * 1000).rounded(.up) / 1000 }

  private func plan(for survey: Survey, energy: Double, unitShare: Double) -> Plan {
    plan(for: survey, survey.layers.map { choice(for: $0, energy: energy) }, energy: energy, unitShare: unitShare)
  }

  func plan(for survey: Survey, _ choices: [Plan.Choice], energy: Double, unitShare: Double) -> Plan {
    var predicted = survey.narrowed
    let before = Dictionary(survey.units.map { ($0.layer, $0) }, uniquingKeysWith: { first, _ in first })
    let layers = zip(survey.layers, choices).map { layer, choice in
      var weights = layer.weights
      if case .factorized(let rank, let scheme) = choice {
        let change = layer.change(to: rank, scheme)
        weights += change.parameters
        predicted = predicted + change
      }
      return entry(for: layer, choice, weights, before[layer.name])
    }
    return Plan(
      layers: layers, original: survey.original, predicted: predicted, energyMeasure: measure, energy: energy,
      unitShare: unitShare, minimumUnits: minimumUnits)
  }

  private func choice(for layer: Survey.Layer, energy: Double) -> Plan.Choice {
    if let obstacle = layer.obstacle { return .dense(reason: obstacle) }
    let wanted = max(1, minimumRank, layer.spectrum.rank(keeping: energy, measure))
    let rank = min(wanted, layer.spectrum.values.count)
    if let current = layer.factorizedRank {
      return rank < current ? .factorized(rank: rank) : .dense(reason: "already at rank \(current)")
    }
    if schemes == .any, let cut = layer.cheapest(atErrorOf: rank) {
      return .factorized(rank: cut.rank, scheme: cut.scheme)
    }
    guard rank * layer.perRank < layer.weights else {
      return .dense(reason: "rank \(rank) would not be smaller")
    }
    return .factorized(rank: rank)
  }

  private func entry(
    for layer: Survey.Layer, _ choice: Plan.Choice, _ weights: Int, _ given: Survey.Units?
  ) -> Plan.Layer {
    var (energy, error) = (1.0, 0.0)
    if case .factorized(let rank, let scheme) = choice {
      let spectrum = layer.cuts.first { $0.scheme == scheme }?.spectrum ?? layer.spectrum
      energy = spectrum.energy(of: rank, measure)
      error = spectrum.error(of: rank)
    }
    return Plan.Layer(
      name: layer.name, choice: choice, units: layer.spectrum.rows, unitsBefore: given?.before ?? layer.spectrum.rows,
      rank: layer.spectrum.rank, energy: energy, error: error, norm: layer.spectrum.error(of: 0),
      weightsBefore: given?.weights ?? layer.weights, weights: weights)
  }
}

/// A wish that no plan can fulfil, in a sentence.
public struct PlanError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
