/// The search for how many units each channel group keeps.
struct WidthSearch {
  let units: RemovableUnits
  /// Whether units and ranks are weighed against each other, by what they lose.
  let weighsUnits: Bool
  let minimumUnits: Int
  /// Groups keep units of a multiple of this many rows.
  let unitStep: Int

  /// - Parameter fastStep: of units, where time decides.
  init(_ settings: PlanSettings, fastStep: Int) {
    units = settings.units
    weighsUnits = settings.isTimed || (settings.allocator == .global && units == .weakest)
    minimumUnits = settings.minimumUnits
    unitStep = settings.isTimed ? fastStep : 1
  }

  /// A plan for one choice of widths.
  struct Step {
    var analysis: Analysis
    var plan: Plan
    /// Σ over layers of −log of what their units and ranks keep.
    var loss: Double

    /// How many units each group keeps.
    var counts: [String: Int] {
      Dictionary(analysis.groups.map { ($0.name, $0.kept) }, uniquingKeysWith: { $1 })
    }
  }

  /// Gives the analysis at a choice of widths.
  typealias Analyze = (Widths, Analysis.Fidelity) throws -> Analysis

  /// Shares of the units' norms that are tried for all groups alike.
  private var unitShares: [Double] {
    weighsUnits && units == .weakest ? (0...20).map { 1 - Double($0) / 20 } : [1]
  }

  /// The widths that lose least, with ranks as `plan` spreads them.
  ///
  /// First one share of the norms for all groups, then group by group as long as the whole loses less. That is a
  /// descent, not an optimum; the ranks at each choice of widths are spread with a bound (`Allocation`). What is tried
  /// is a draft; at the best share, and at the end, the analysis is exact, and of these two the better stays.
  ///
  /// - Parameter plan: nil where no ranks reach the goal.
  /// - Returns: nil where no choice reaches it.
  func leastLossy(_ analysis: Analyze, _ plan: (Analysis) throws -> Step?) throws -> Step? {
    var best: Step?
    var worse = 0
    for share in unitShares {
      guard let next = try plan(analysis(.share(share), share == 1 ? .exact : .draft)) else { continue }
      if let best, best.loss <= next.loss {
        worse += 1
        // Fewer units lose more and more; a few steps forgive a bump.
        if worse == 4 { break }
      } else {
        (best, worse) = (next, 0)
      }
    }
    guard units == .weakest, let drafted = best else { return best }
    func exact(_ step: Step) throws -> Step? { try plan(analysis(.counts(step.counts), .exact)) }
    guard let start = try exact(drafted) else { return nil }
    let end = try exact(refined(start) { try plan(analysis(.counts($0), .draft)) })
    return if let end, end.loss < start.loss { end } else { start }
  }

  /// The same with each group at its own width: in steps that become smaller groups first give, then take, those first
  /// where one step gains most.
  private func refined(_ start: Step, _ next: ([String: Int]) throws -> Step?) throws -> Step {
    var best = start
    for part in [4, 8, 16] {
      for sign in [-1, 1] {
        let moves = try start.analysis.groups.filter { $0.norms.count > $0.step }.compactMap { group in
          let step = sign * max(group.step, group.norms.count / part / group.step * group.step)
          return try moved(best, group, by: step, next).map { (group: group, step: step, loss: $0.loss) }
        }
        for move in moves.sorted(by: { $0.loss < $1.loss }) {
          while let moved = try moved(best, move.group, by: move.step, next) { best = moved }
        }
      }
    }
    return best
  }

  /// One group a step further, if the whole loses less so.
  private func moved(
    _ start: Step, _ group: Analysis.GroupWidth, by step: Int, _ next: ([String: Int]) throws -> Step?
  ) throws -> Step? {
    let counts = start.counts
    let kept = counts[group.name] ?? group.norms.count
    let width = min(group.norms.count, max(minimumUnits, group.step, kept + step))
    guard width != kept, let other = try next(counts.merging([group.name: width]) { $1 }),
      other.loss < start.loss * (1 - 1e-6)
    else { return nil }
    return other
  }
}
