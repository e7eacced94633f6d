import Networks

/// What a plan has to reach.
public enum PlanGoal: Sendable, Codable, Equatable {
  /// Each layer keeps this share of its energy, e_r in the paper.
  case energy(Double)
  /// At most these fractions of the parameters and of the multiply-accumulates stay.
  case size(SizeFractions)
  /// At most this fraction of the time of the network as given stays, by a `LayerClock`.
  case time(Double)

  fileprivate var shares: [Double] {
    switch self {
    case .energy(let share), .time(let share): [share]
    case .size(let fractions): fractions.all.map(\.fraction)
    }
  }

  /// At most this fraction of the parameters stays.
  public static func parameters(_ fraction: Double) -> PlanGoal { .size(SizeFractions(parameters: fraction)) }
  /// At most this fraction of the multiply-accumulates stays.
  public static func macs(_ fraction: Double) -> PlanGoal { .size(SizeFractions(macs: fraction)) }
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
public struct Planner: Sendable, Codable, Equatable {
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

  /// Refuses a number of parameters or MACs that no plan reaches; what time one takes is known by planning alone.
  ///
  /// - Throws: `PlanError`, and what `survey` throws.
  func checkReach(_ survey: (UnitChoice) throws -> Survey) throws {
    switch goal {
    case .energy, .time: return
    case .size(let fractions): _ = try smallest(survey, fractions)
    }
  }

  /// The plan for this network: by energy, or with the most energy that the size allows.
  ///
  /// - Throws: `PlanError` when the size cannot be reached.
  public func plan(for survey: Survey) throws -> Plan { try plan { _ in survey } }

  /// The same where what is surveyed depends on the units that are kept.
  ///
  /// - Throws: `PlanError`, and what `survey` throws.
  func plan(for survey: (UnitChoice) throws -> Survey) throws -> Plan {
    for share in goal.shares where !(0...1).contains(share) {
      throw PlanError("the plan is to keep \(share), expected more than 0 and at most 1")
    }
    switch goal {
    case .energy(let share): return plan(for: try survey(.share(1)), energy: share, unitShare: 1)
    case .size(let fractions): return try largest(survey, fractions)
    case .time(let fraction): return try fastest(survey, within: fraction)
    }
  }

  func plan(for survey: Survey, energy: Double, unitShare: Double) -> Plan {
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
