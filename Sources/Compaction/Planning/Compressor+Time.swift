import Networks

extension Compressor {
  /// The plan that loses least within a fraction of the time.
  ///
  /// At each choice of widths ranks are spread by `Allocation`, at nanoseconds for costs; of the choices that the
  /// search tries the one stays that loses least, units and ranks together. A unit's loss is its part of the layer's
  /// squared norm, a rank's the squared error, both scaled by the batch norm behind the layer.
  ///
  /// - Throws: `PlanError` when no choice is fast enough, and what `analysis` throws.
  func fastest(_ analysis: WidthSearch.Analyze, within fraction: Double) throws -> Plan {
    var least = 1.0
    let best = try search.leastLossy(analysis) { analysis in
      guard let times = analysis.times else { throw PlanError("a plan by time needs measured times") }
      let candidates = analysis.candidates(MeasuredTime(minimumRank: settings.minimumRank))
      let cheapest = candidates.map { own in own.map(\.cost.x).min() ?? 0 }.reduce(0, +)
      least = min(least, (times.narrowed.rest + Double(cheapest) * 1e-6) / times.original.total)
      let budget = (fraction * times.original.total - times.narrowed.rest).nanoseconds
      return Allocation(candidates, within: [budget, .max]).map { allocation in
        WidthSearch.Step(analysis: analysis, plan: plan(for: analysis, times, allocation), loss: allocation.loss)
      }
    }
    guard let best else { throw unreachable(fraction, least) }
    return best.plan
  }

  /// Plans for another runtime at most.
  static let attempts = 4

  /// The plan by time for a runtime that does more between the layers than the sum of their times can tell: the small
  /// network is made and timed as a whole, and planned again with as much more or less time as it missed the goal by.
  ///
  /// - Returns: the plan that comes nearest to the fraction, of those that keep to it if there is one.
  /// - Throws: as `fastest` and `apply`, and what the clock throws.
  func plan(
    for network: Network, within fraction: Double, by runtime: LayerClock.Runtime,
    _ analysis: WidthSearch.Analyze
  ) throws -> Plan {
    func attempt(_ aim: Double) throws -> (plan: Plan, measured: Plan.Time.Measured) {
      var compressor = self
      compressor.settings.target = .time(aim)
      var plan = try compressor.plan(analysis)
      plan.leftOut = leftOut(of: network).sorted()
      let times = try runtime.networks([network, apply(plan, to: network).network])
      let measured = Plan.Time.Measured(
        runtime: runtime.name, original: times[0], compact: times[1], asked: fraction)
      plan.time?.measured = measured
      return (plan, measured)
    }
    var aim = fraction
    var last = try attempt(aim)
    var best = last
    for _ in 1..<Self.attempts where last.measured.miss > Plan.Time.Measured.tolerance {
      aim = min(1, aim * fraction / last.measured.share)
      do { last = try attempt(aim) } catch is PlanError { break }
      // One that keeps to the time is better than one that does not, and then the nearer.
      let isBetter =
        last.measured.isTooLong == best.measured.isTooLong
        ? last.measured.miss < best.measured.miss : best.measured.isTooLong
      if isBetter { best = last }
    }
    return best.plan
  }

  private func unreachable(_ fraction: Double, _ least: Double) -> PlanError {
    let reachable = (least * 1000).rounded(.up) / 1000
    let fewest =
      settings.units == .zero ? "" : " and every layer at \(max(settings.minimumUnits, search.unitStep)) units"
    return PlanError(
      """
      time cannot be cut to \(fraction) of the original: with the fastest factors in every layer\(fewest), \
      \(reachable) remains; ask for \(reachable) or more, or leave fewer layers out
      """)
  }

  private func plan(for analysis: Analysis, _ times: Analysis.Times, _ allocation: Allocation) -> Plan {
    var plan = plan(for: analysis, allocation.chosen) { layer in
      .time(milliseconds: layer.milliseconds ?? 0, rank: layer.factorizedRank, fastest: layer.fastestFactors)
    }
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

extension Analysis.Layer {
  /// The factors that would take the least time, faster than the layer or not.
  fileprivate var fastestFactors: DenseReason.FactorTime? {
    let all = curves.flatMap { curve in
      curve.times.map {
        DenseReason.FactorTime(decomposition: curve.decomposition, rank: $0.rank, milliseconds: $0.milliseconds)
      }
    }
    return all.min { $0.milliseconds < $1.milliseconds }
  }
}
