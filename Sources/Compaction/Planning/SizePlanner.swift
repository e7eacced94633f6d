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
      let remains = rounded(Double(least.predicted[keyPath: cost]) / Double(whole[keyPath: cost]))
      throw PlanError(
        "\(what) cannot be cut to \(fraction) of the original: \(remains) remain \(circumstance(of: least)); "
          + "ask for \(remains) or more\(advice(for: least))")
    }
    return least
  }

  /// How the smallest plan came about: floors of what may be cut, and which layers may not.
  private func circumstance(of least: Plan) -> String {
    let out = least.layers.filter { $0.choice == .dense(reason: Survey.leftOut) }.map(\.name)
    let names = out.count <= 4 ? out.joined(separator: ", ") : "\(out.prefix(3).joined(separator: ", ")) and more"
    if out.count == least.layers.count { return "since every layer is left out (\(names))" }
    let fewest = units == .silent ? "" : " and at least \(minimumUnits) units"
    let others = out.isEmpty ? "" : "; \(out.count) of \(least.layers.count) layers are left out (\(names))"
    return "with every layer at rank \(minimumRank)\(fewest)\(others)"
  }

  /// What else than a larger size helps where the smallest plan is too large.
  private func advice(for least: Plan) -> String {
    let hasLeftOut = least.layers.contains { $0.choice == .dense(reason: Survey.leftOut) }
    let floors = [("--min-rank", minimumRank), ("--min-units", minimumUnits)].filter { $0.1 > 1 }
    let ways = [
      units == .silent ? "train with a stronger --group so that units vanish" : nil,
      units == .silent || floors.isEmpty ? nil : "lower \(floors.map(\.0).joined(separator: " and "))",
      hasLeftOut ? "leave out fewer layers (--skip)" : nil,
    ]
    return ways.compactMap(\.self).map { ", or \($0)" }.joined()
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
