/// How many units each channel group keeps, always the strongest.
public enum Widths: Sendable, Equatable {
  /// The fewest that hold this share of Σ‖θ_n‖ of their group.
  case share(Double)
  /// So many of each group, by its name; a group that is not named keeps all.
  case counts([String: Int])

  /// How many units of a group stay.
  ///
  /// - Parameters:
  ///   - norms: of its units, the strongest first.
  ///   - minimum: how many stay at least.
  ///   - step: by share, the next multiple of it stays.
  func kept(of group: String, _ norms: [Double], atLeast minimum: Int, multipleOf step: Int) -> Int {
    switch self {
    case .counts(let counts): return min(norms.count, max(1, minimum, counts[group] ?? norms.count))
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
