import Foundation

extension Planner {
  var isTimed: Bool { if case .time = goal { true } else { false } }

  /// Families keep a multiple of this many units: half a vector of 16 floats, where time decides.
  var unitStep: Int { isTimed ? 8 : 1 }

  /// The plan that loses least within a fraction of the time.
  ///
  /// For each choice of units the ranks are spread by `RankAllocation`, at nanoseconds for costs; of the choices that
  /// `leastLossy` tries the one stays that loses least, units and ranks together. A unit's loss is its part of the
  /// layer's squared norm, a rank's the squared error, both scaled by the batch norm behind the layer.
  ///
  /// - Throws: `PlanError` when no choice is fast enough, and what `survey` throws.
  func fastest(_ survey: (UnitChoice) throws -> Survey, within fraction: Double) throws -> Plan {
    var least = 1.0
    let best = try leastLossy(survey) { survey in
      guard let times = survey.times else { throw PlanError("a plan by time needs a clock") }
      let offers = survey.layers.map { $0.timedOffers(minimumRank: minimumRank) }
      let cheapest = offers.map { own in own.map(\.cost.x).min() ?? 0 }.reduce(0, +)
      least = min(least, (times.narrowed.rest + Double(cheapest) * 1e-6) / times.original.total)
      let budget = (fraction * times.original.total - times.narrowed.rest).nanoseconds
      return RankAllocation(offers, within: [budget, .max]).map { allocation in
        Candidate(survey: survey, plan: plan(for: survey, times, allocation), loss: allocation.loss)
      }
    }
    guard let best else { throw unreachable(fraction, least) }
    return best.plan
  }

  private func unreachable(_ fraction: Double, _ least: Double) -> PlanError {
    let reachable = (least * 1000).rounded(.up) / 1000
    let fewest = units == .silent ? "" : " and every layer at \(max(minimumUnits, unitStep)) units"
    return PlanError(
      """
      time cannot be cut to \(fraction) of the original: with every layer as fast as factors make it\(fewest), \
      \(reachable) remains; ask for \(reachable) or more, or leave fewer layers out
      """)
  }

  private func plan(for survey: Survey, _ times: Survey.Times, _ allocation: RankAllocation) -> Plan {
    let choices = zip(survey.layers, allocation.chosen).map { layer, offer -> Plan.Choice in
      if let rank = offer.rank { return .factorized(rank: rank, scheme: offer.scheme) }
      return .dense(reason: layer.reasonToStay)
    }
    var plan = plan(for: survey, choices)
    for index in plan.layers.indices {
      plan.layers[index].millisecondsBefore = times.original.layers[plan.layers[index].name]
      plan.layers[index].milliseconds = Double(allocation.chosen[index].cost.x) * 1e-6
    }
    plan.time = Plan.Time(
      conditions: times.conditions, original: times.original.total,
      predicted: times.narrowed.rest + Double(allocation.cost.x) * 1e-6, restBefore: times.original.rest,
      rest: times.narrowed.rest, loss: allocation.loss, bound: allocation.bound)
    return plan
  }
}

extension Survey.Layer {
  /// Why time leaves the layer as it is, with the milliseconds.
  fileprivate var reasonToStay: String {
    if let obstacle { return obstacle }
    let own = milliseconds ?? 0
    let state = factorizedRank.map { "at rank \($0)" } ?? "dense"
    guard let (cut, time) = fastestPair else { return "\(own.threeDecimals) ms \(state), too narrow for factors" }
    let pair = "\(time.milliseconds.threeDecimals) ms at rank \(time.rank) as \(cut.scheme.rawValue)"
    let isFaster = time.milliseconds < Self.sureGain * own
    return "\(own.threeDecimals) ms \(state), \(pair)" + (isFaster ? ": loses more than it saves" : "")
  }
}

extension Double {
  fileprivate var threeDecimals: String { String(format: "%.3f", self) }
}
