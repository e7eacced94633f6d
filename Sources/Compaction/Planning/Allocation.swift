import Networks

/// How a plan to a size spreads ranks over the layers.
public enum Allocator: String, Sendable, Codable, CaseIterable {
  /// Every layer keeps the same share of its energy.
  case uniform
  /// Ranks go to where they lose least for what they cost (`Allocation`): the product over all layers of the shares of
  /// the energy that are kept is made large within the size, what is left of a signal that goes through them. Where
  /// units may go that carry something, they are weighed against ranks too, group by group.
  case global
}

/// Ranks that lose least within limits.
///
/// Every layer has candidates, each at a cost and a loss; one candidate a layer is a knapsack of two dimensions. Its
/// Lagrangian relaxation, loss + λ·cost, falls apart into layers: λ is found by halving, then what is left is spent
/// where it gains most. Where both costs are limited, λ prices a mix of them, whose share is found by halving too. The
/// relaxation is also a bound: no choice within the limits loses less than `bound`.
struct Allocation {
  /// The chosen candidate of every layer.
  let chosen: [Candidate]
  /// What no choice within the limits can go below.
  let bound: Double

  var cost: SIMD2<Int> { chosen.cost }
  var loss: Double { chosen.loss }

  /// - Parameters:
  ///   - candidates: of every layer, at least one each.
  ///   - limits: what they may cost together; `.max` limits nothing.
  /// - Returns: nil where even the cheapest cost more.
  init?(_ candidates: [[Candidate]], within limits: SIMD2<Int>) {
    let relaxation = Relaxation(candidates: candidates, limits: limits)
    guard let found = relaxation.solved() else { return nil }
    bound = found.bound
    chosen = Self.spend(limits &- found.choice.cost, on: found.choice, candidates)
  }

  /// The choice with the rest of the limits spent, each time where the loss falls most for the part of the rest it
  /// takes.
  private static func spend(_ rest: SIMD2<Int>, on choice: [Candidate], _ candidates: [[Candidate]]) -> [Candidate] {
    var (choice, rest) = (choice, rest)
    while true {
      var best: (layer: Int, candidate: Candidate, gain: Double)?
      for (layer, own) in candidates.enumerated() {
        for candidate in own where candidate.loss < choice[layer].loss {
          let more = candidate.cost &- choice[layer].cost
          guard more.isWithin(rest) else { continue }
          let part = SIMD2<Double>(more) / SIMD2<Double>(pointwiseMax(rest, .one))
          let gain = (choice[layer].loss - candidate.loss) / max(part.max(), .leastNormalMagnitude)
          if gain > best?.gain ?? 0 { best = (layer, candidate, gain) }
        }
      }
      guard let best else { return choice }
      rest &-= best.candidate.cost &- choice[best.layer].cost
      choice[best.layer] = best.candidate
    }
  }
}
