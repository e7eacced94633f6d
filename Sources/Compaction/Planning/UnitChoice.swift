/// Which units stay: of every tie the strongest.
public enum UnitChoice: Sendable, Equatable {
  /// The fewest that hold this share of Σ‖θ_n‖ of their tie.
  case share(Double)
  /// So many of each tie, by the name of its family.
  case counts([String: Int])

  /// How many of a family stay.
  ///
  /// - Parameters:
  ///   - norms: of its groups, the strongest first.
  ///   - minimum: how many stay at least.
  ///   - step: by share, the next multiple of it stays.
  func kept(of family: String, _ norms: [Double], atLeast minimum: Int, multipleOf step: Int) -> Int {
    switch self {
    case .counts(let counts): return min(norms.count, max(1, minimum, counts[family] ?? norms.count))
    case .share(let share):
      let wanted = share * norms.reduce(0, +)
      var (sum, kept) = (0.0, 0)
      while kept < norms.count, sum < wanted || kept < max(1, minimum) {
        sum += norms[kept]
        kept += 1
      }
      return min(norms.count, (kept + step - 1) / step * step)
    }
  }
}
