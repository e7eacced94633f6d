import Networks

extension Planner {
  /// The plan within the limits that loses least over the layers, or else keeps the largest share, found by halving, since
  /// cost grows with it but for single ranks.
  func largest(_ survey: (UnitChoice) throws -> Survey, _ fractions: SizeFractions) throws -> Plan {
    let fixed = units == .silent ? try survey(.share(1)) : nil
    func surveyed(_ share: Double) throws -> Survey { try fixed ?? survey(.share(units.share(atEnergy: share))) }
    func plan(keeping share: Double) throws -> Plan {
      self.plan(for: try surveyed(share), energy: share, unitShare: units.share(atEnergy: share))
    }
    let all = try plan(keeping: 1)
    let limits = fractions.limits(of: whole ?? all.original)
    if limits.hold(all.predicted) { return all }
    var best = try smallest({ try fixed ?? survey($0) }, fractions)
    if allocation == .global,
      let found = try leastLossy({ try fixed ?? survey($0) }, { try spread($0, within: limits) })
    {
      return found.plan
    }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<Self.halvings(ofUnits: fixed == nil) {
      let middle = (low + high) / 2
      let candidate = try plan(keeping: middle)
      if limits.hold(candidate.predicted) { (low, best) = (middle, candidate) } else { high = middle }
    }
    return best
  }

  /// The plan with every rank and, where weak ones may go, every number of units at its least.
  ///
  /// - Throws: `PlanError` when even that is more than is wished.
  func smallest(_ survey: (UnitChoice) throws -> Survey, _ fractions: SizeFractions) throws -> Plan {
    let share = units.share(atEnergy: 0)
    let least = plan(for: try survey(.share(share)), energy: 0, unitShare: share)
    let whole = whole ?? least.original
    for (what, fraction, cost) in fractions.all
    where least.predicted[keyPath: cost] > Int(fraction * Double(whole[keyPath: cost])) {
      let fewest = units == .silent ? "" : " and every layer at \(minimumUnits) units"
      let remains = rounded(Double(least.predicted[keyPath: cost]) / Double(whole[keyPath: cost]))
      throw PlanError(
        """
        \(what) cannot be cut to \(fraction) of the original: with every rank at \(minimumRank)\(fewest), \
        \(remains) remain; ask for \(remains) or more\(advice)
        """)
    }
    return least
  }

  /// What else than a larger size helps where the smallest plan is too large; nothing where floors are at one already.
  private var advice: String {
    if units == .silent { return ", or train with a stronger --group so that units vanish" }
    let floors = [("--min-rank", minimumRank), ("--min-units", minimumUnits)].filter { $0.1 > 1 }
    return floors.isEmpty
      ? ", or leave fewer layers out"
      : ", or lower \(floors.map(\.0).joined(separator: " and ")), or leave fewer layers out"
  }

  /// A share to six digits decides every rank of any layer, one to four digits every unit.
  static func halvings(ofUnits: Bool) -> Int { ofUnits ? 14 : 20 }

  /// The plan for a survey whose ranks lose least within the limits; nil where no ranks keep to them.
  private func spread(_ survey: Survey, within limits: SizeLimits) throws -> Candidate? {
    let offers = survey.layers.map { layer in
      let own =
        schemes == .any
        ? layer.offersOfAnyScheme(minimumRank: minimumRank, limits, measure)
        : layer.offers(minimumRank: minimumRank, limits, measure)
      return own.map { $0.losing(units: layer.unitLoss) }
    }
    // What layers cannot change: biases, batch norms, everything that is no matrix.
    let fixed = survey.narrowed.size &- offers.map { $0[0] }.cost
    guard let allocation = RankAllocation(offers, within: limits.size &- fixed) else { return nil }
    let choices = zip(survey.layers, allocation.chosen).map { layer, offer -> Plan.Choice in
      if let rank = offer.rank { return .factorized(rank: rank, scheme: offer.scheme) }
      if let current = layer.factorizedRank { return .dense(reason: layer.obstacle ?? "already at rank \(current)") }
      return .dense(reason: layer.obstacle ?? "a lower rank would lose more than it saves")
    }
    return Candidate(survey: survey, plan: plan(for: survey, choices), loss: allocation.loss)
  }

  private func rounded(_ fraction: Double) -> Double { (fraction * 1000).rounded(.up) / 1000 }
}
