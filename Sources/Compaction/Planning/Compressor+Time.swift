import Networks

extension Compressor {
  /// The plan that loses least within a fraction of the time.
  ///
  /// At each choice of widths ranks are spread by `Allocation`, at nanoseconds for costs; of the choices that the
  /// search tries the one stays that loses least, units and ranks together. A unit's loss is its part of the layer's
  /// squared norm, a rank's the squared error, both scaled by the batch norm behind the layer.
  ///
  /// - Throws: `PlanError` when no choice is fast enough, and what `analysis` throws.
  func fastest(_ analysis: (Widths) throws -> Analysis, within fraction: Double) throws -> Plan {
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
  /// How far, relative to the fraction, the measured time may be from it.
  private static let tolerance = 0.03

  /// The plan by time for a runtime that does more between the layers than the sum of their times can tell: the small
  /// network is made and timed as a whole, and planned again with as much more or less time as it missed the goal by.
  ///
  /// - Returns: the plan that comes nearest to the fraction, of those that keep to it if there is one.
  /// - Throws: as `fastest` and `apply`, and what the clock throws.
  func plan(
    for network: Network, by runtime: LayerClock.Runtime, _ analysis: (Widths) throws -> Analysis
  ) throws -> Plan {
    guard case .time(let fraction) = settings.target else { return try plan(analysis) }
    var compressor = self
    var aim = fraction
    var found: [(plan: Plan, miss: Double)] = []
    for attempt in 1...Self.attempts {
      compressor.settings.target = .time(aim)
      do {
        var plan = try compressor.plan(analysis)
        plan.leftOut = leftOut(of: network).sorted()
        let times = try runtime.networks([network, apply(plan, to: network).network])
        plan.time?.measured = Plan.Time.Measured(runtime: runtime.name, original: times[0], compact: times[1])
        found.append((plan, times[1] / times[0] / fraction - 1))
      } catch let error as PlanError {
        if attempt == 1 { throw error }
        break
      }
      guard let last = found.last, abs(last.miss) > Self.tolerance else { break }
      aim = min(1, aim / (1 + last.miss))
    }
    let kept = found.filter { $0.miss <= Self.tolerance }
    let best = (kept.isEmpty ? found : kept).min { abs($0.miss) < abs($1.miss) }
    return try best?.plan ?? plan(analysis)
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
