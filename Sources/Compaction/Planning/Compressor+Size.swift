import Networks

extension Compressor {
  /// The plan within the limits that loses least over the layers, or else keeps the largest share, found by halving,
  /// since cost grows with it but for single ranks.
  func largest(_ analysis: WidthSearch.Analyze, _ fractions: Target.Fractions) throws -> Plan {
    let units = settings.units
    let fixed = units == .zero ? try analysis(.share(1), .exact) : nil
    func analyzed(_ widths: Widths, _ fidelity: Analysis.Fidelity = .exact) throws -> Analysis {
      try fixed ?? analysis(widths, fidelity)
    }
    func plan(keeping share: Double) throws -> Plan {
      let unitShare = units.share(atEnergy: share)
      return self.plan(for: try analyzed(.share(unitShare)), energy: share, unitShare: unitShare)
    }
    let all = try plan(keeping: 1)
    let limits = fractions.limits(of: settings.whole ?? all.original)
    if all.predicted.size.isWithin(limits) { return all }
    var best = try smallest(analyzed, fractions)
    if settings.allocator == .global,
      let found = try search.leastLossy(analyzed, { try allocated($0, within: limits) })
    {
      return found.plan
    }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<Self.halvings(ofUnits: fixed == nil) {
      let middle = (low + high) / 2
      let other = try plan(keeping: middle)
      if other.predicted.size.isWithin(limits) { (low, best) = (middle, other) } else { high = middle }
    }
    return best
  }

  /// A share to six digits decides every rank of any layer, one to four digits every unit.
  static func halvings(ofUnits: Bool) -> Int { ofUnits ? 14 : 20 }

  /// The plan at these widths whose ranks lose least within the limits; nil where no ranks keep to them.
  private func allocated(_ analysis: Analysis, within limits: SIMD2<Int>) throws -> WidthSearch.Step? {
    let candidates = analysis.candidates(CountedCost(limits: limits, minimumRank: settings.minimumRank))
    // What layers cannot change: biases, batch norms, everything that is no matrix.
    let fixed = analysis.narrowed.size &- candidates.map { $0[0] }.cost
    guard let allocation = Allocation(candidates, within: limits &- fixed) else { return nil }
    let plan = plan(for: analysis, allocation.chosen) { layer in
      layer.factorizedRank.map(DenseReason.alreadyAtRank) ?? .losesMoreThanItSaves
    }
    return WidthSearch.Step(analysis: analysis, plan: plan, loss: allocation.loss)
  }

  /// The plan with every rank and, where weak ones may go, every number of units at its least.
  ///
  /// - Throws: `PlanError` when even that is larger than the target.
  func smallest(_ analysis: WidthSearch.Analyze, _ fractions: Target.Fractions) throws -> Plan {
    let share = settings.units.share(atEnergy: 0)
    let least = plan(for: try analysis(.share(share), .exact), energy: 0, unitShare: share)
    let whole = settings.whole ?? least.original
    for (what, fraction, cost) in fractions.all
    where least.predicted[keyPath: cost] > Int(fraction * Double(whole[keyPath: cost])) {
      let remains = rounded(Double(least.predicted[keyPath: cost]) / Double(whole[keyPath: cost]))
      throw PlanError(
        "\(what) cannot be cut to \(fraction) of the original: \(remains) remain \(circumstance(of: least)); "
          + "ask for \(remains) or more\(advice(for: least))")
    }
    return least
  }

  /// How the smallest plan came about: the smallest ranks and widths, and which layers stay.
  private func circumstance(of least: Plan) -> String {
    let out = least.layers.filter { $0.reason == .leftOut }.map(\.name)
    let names = out.count <= 4 ? out.joined(separator: ", ") : "\(out.prefix(3).joined(separator: ", ")) and more"
    if out.count == least.layers.count { return "since every layer is left out (\(names))" }
    let fewest = settings.units == .zero ? "" : " and at least \(settings.minimumUnits) units"
    let others = out.isEmpty ? "" : "; \(out.count) of \(least.layers.count) layers are left out (\(names))"
    return "with every layer at rank \(settings.minimumRank)\(fewest)\(others)"
  }

  /// What else than a larger size helps where the smallest plan is too large.
  private func advice(for least: Plan) -> String {
    let hasLeftOut = least.layers.contains { $0.reason == .leftOut }
    let floors = [("`min-rank`", settings.minimumRank), ("`min-units`", settings.minimumUnits)].filter { $0.1 > 1 }
    let ways = [
      settings.units == .zero ? "train with a stronger `group` so that units vanish" : nil,
      settings.units == .zero || floors.isEmpty ? nil : "lower \(floors.map(\.0).joined(separator: " and "))",
      hasLeftOut ? "leave out fewer layers (`skip`)" : nil,
    ]
    return ways.compactMap(\.self).map { ", or \($0)" }.joined()
  }

  private func rounded(_ fraction: Double) -> Double { (fraction * 1000).rounded(.up) / 1000 }
}
