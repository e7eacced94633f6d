import Networks

/// The Lagrangian relaxation of a choice of ranks: every layer takes what is best at a price of its costs.
///
/// A price is λ·(share, 1 − share) per limit: `share` decides how the two costs are mixed, λ how dear the mix is.
/// Halving finds the least λ at which the mix keeps to its limit, and the share at which both costs do.
struct Relaxation {
  let candidates: [[Candidate]]
  /// What the choice may cost; `.max` limits nothing.
  let limits: SIMD2<Int>

  /// A choice within the limits, and what no other within them loses less than.
  struct Solution {
    var choice: [Candidate]
    var bound: Double
  }

  /// What one of each cost counts in the mix, whose limit is 1.
  private func weights(_ share: Double) -> SIMD2<Double> {
    SIMD2(share, 1 - share) / SIMD2<Double>(pointwiseMax(limits, .one))
  }

  /// Each layer's best at a price; of equals the cheaper.
  private func best(loss: Double, _ price: SIMD2<Double>) -> [Candidate] {
    func value(_ candidate: Candidate) -> (Double, Double) {
      let cost = (price * SIMD2<Double>(candidate.cost)).sum()
      return (loss * candidate.loss + cost, cost)
    }
    return candidates.map { own in
      own.dropFirst().reduce((own[0], value(own[0]))) { found, candidate in
        let other = value(candidate)
        return other < found.1 ? (candidate, other) : found
      }.0
    }
  }

  /// The cheapest λ at which `isMet`, with its choice; nil where none is.
  private func cheapest(_ weights: SIMD2<Double>, _ isMet: ([Candidate]) -> Bool) -> (
    price: Double, choice: [Candidate]
  )? {
    let free = best(loss: 1, .zero)
    if isMet(free) { return (0, free) }
    var choice = best(loss: 0, weights)
    guard isMet(choice) else { return nil }
    // A price at which a thousandth of the cheapest candidate is worth any loss; `choice` is what is left should even
    // that err.
    let unit = candidates.joined().map { (weights * SIMD2<Double>($0.cost)).sum() }.filter { $0 > 0 }.min() ?? 1
    var (low, high) = (0.0, (1 + (candidates.joined().map(\.loss).max() ?? 0)) * 1e3 / unit)
    for _ in 0..<100 where high - low > 1e-12 * high {
      let middle = (low + high) / 2
      let other = best(loss: 1, middle * weights)
      if isMet(other) { (high, choice) = (middle, other) } else { low = middle }
    }
    return (high, choice)
  }

  func solved() -> Solution? {
    var bound = 0.0
    func mixed(_ share: Double) -> [Candidate]? {
      let weights = weights(share)
      func mix(_ choice: [Candidate]) -> Double { (weights * SIMD2<Double>(choice.cost)).sum() }
      guard let found = cheapest(weights, { mix($0) <= 1 }) else { return nil }
      bound = max(bound, found.choice.loss + found.price * (mix(found.choice) - 1))
      return found.choice
    }
    // One limit alone may decide.
    for (share, isLimited) in [(1.0, limits.x < .max), (0, limits.y < .max)] where isLimited {
      guard let choice = mixed(share) else { return nil }
      if choice.cost.isWithin(limits) { return Solution(choice: choice, bound: bound) }
    }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<24 {
      let middle = (low + high) / 2
      guard let choice = mixed(middle) else { return nil }
      if choice.cost.isWithin(limits) { return Solution(choice: choice, bound: bound) }
      if choice.cost.x > limits.x { low = middle } else { high = middle }
    }
    // Choices jump: at this mix, the least price that keeps to both.
    return cheapest(weights(high)) { $0.cost.isWithin(limits) }.map { Solution(choice: $0.choice, bound: bound) }
  }
}

extension SIMD2<Int> {
  func isWithin(_ limits: SIMD2<Int>) -> Bool { x <= limits.x && y <= limits.y }
}
