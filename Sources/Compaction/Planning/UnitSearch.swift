import Networks

extension Planner {
  /// A plan for one choice of units, with what it loses.
  struct Candidate {
    var survey: Survey
    var plan: Plan
    /// Σ over layers of −log of what their units and ranks keep.
    var loss: Double
  }

  /// Whether units and ranks are weighed against each other, by what they lose.
  var weighsUnits: Bool { isTimed || (allocation == .global && units == .weakest) }

  /// Shares of the units' norms that are tried for all ties alike.
  private var unitShares: [Double] {
    weighsUnits && units == .weakest ? (0...20).map { 1 - Double($0) / 20 } : [1]
  }

  /// About how many surveys a plan takes of a network with so many ties.
  func expectedSurveys(ties: Int) -> Int {
    if units == .silent { return 1 }
    if weighsUnits { return 8 + 4 * ties }
    if case .energy = goal { return 1 }
    return 2 + Self.halvings(ofUnits: true)
  }

  /// The choice of units that loses least, with ranks as `plan` spreads them.
  ///
  /// First one share of the norms for all ties, then tie by tie as long as the whole loses less. That is a descent, not
  /// an optimum; the ranks of each choice are spread with a bound (`RankAllocation`).
  ///
  /// - Parameter plan: nil where no ranks reach the goal.
  /// - Returns: nil where no choice reaches it.
  func leastLossy(
    _ survey: (UnitChoice) throws -> Survey, _ plan: (Survey) throws -> Candidate?
  ) throws -> Candidate? {
    var best: Candidate?
    var worse = 0
    for share in unitShares {
      guard let candidate = try plan(survey(.share(share))) else { continue }
      if let best, best.loss <= candidate.loss {
        worse += 1
        // Fewer units lose more and more; a few steps forgive a bump.
        if worse == 4 { break }
      } else {
        (best, worse) = (candidate, 0)
      }
    }
    guard units == .weakest, let best else { return best }
    return try refined(best) { try plan(survey(.counts($0))) }
  }

  /// The same with each tie at its own number of units: in steps that become smaller ties first give, then take, those
  /// first where one step gains most.
  private func refined(_ start: Candidate, _ candidate: ([String: Int]) throws -> Candidate?) throws -> Candidate {
    var best = start
    for part in [4, 8, 16] {
      for sign in [-1, 1] {
        let moves = try start.survey.families.filter { $0.norms.count > unitStep }.compactMap { family in
          let step = sign * max(unitStep, family.norms.count / part / unitStep * unitStep)
          return try moved(best, family, by: step, candidate).map { (family: family, step: step, loss: $0.loss) }
        }
        for move in moves.sorted(by: { $0.loss < $1.loss }) {
          while let next = try moved(best, move.family, by: move.step, candidate) { best = next }
        }
      }
    }
    return best
  }

  /// One tie a step further, if the whole loses less so.
  private func moved(
    _ start: Candidate, _ family: Survey.Family, by step: Int, _ candidate: ([String: Int]) throws -> Candidate?
  ) throws -> Candidate? {
    let counts = start.survey.unitCounts
    let kept = counts[family.name] ?? family.norms.count
    let next = min(family.norms.count, max(minimumUnits, unitStep, kept + step))
    guard next != kept, let other = try candidate(counts.merging([family.name: next]) { $1 }),
      other.loss < start.loss * (1 - 1e-6)
    else { return nil }
    return other
  }

  /// The plan of these choices; its energy and share of units are the least of any layer and tie.
  func plan(for survey: Survey, _ choices: [Plan.Choice]) -> Plan {
    let share = survey.families.map(\.share).min() ?? 1
    var plan = plan(for: survey, choices, energy: 0, unitShare: share)
    plan.energy = plan.layers.map(\.energy).min() ?? 1
    if weighsUnits && units == .weakest { plan.unitCounts = survey.unitCounts }
    return plan
  }
}
