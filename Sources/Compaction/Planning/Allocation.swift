import Foundation
import Networks

/// How a plan to a size spreads what it cuts over the layers.
public enum Allocation: String, Sendable, Codable, CaseIterable {
  /// Every layer keeps the same share of its energy.
  case uniform
  /// Ranks go to where they lose least for what they cost: the product over all layers of the shares of the energy that
  /// are kept is made large within the size, what is left of a signal that goes through them. Where living units may go,
  /// they are weighed against ranks too, tie by tie.
  case global
}

/// Ranks that lose least within limits.
///
/// Every layer offers what it can become, at a cost and a relative squared error; one choice a layer is a knapsack of two
/// dimensions. Its Lagrangian relaxation, loss + λ·cost, falls apart into layers: λ is found by halving, then what is left
/// is spent where it gains most. Where both costs are limited, λ prices a mix of them, whose share is found by halving
/// too. The relaxation is also a bound: no choice within the limits loses less than `bound`.
struct RankAllocation {
  /// One thing that a layer can become.
  struct Offer: Equatable {
    /// Nil stays dense.
    var rank: Int?
    var scheme = Scheme.spatialFirst
    /// Parameters and multiply-accumulates; or nanoseconds and nothing.
    var cost: SIMD2<Int>
    /// The share of the energy that goes, or what grows with it.
    var loss: Double

    /// The same with −log of what is kept, where `share` went with the units before: units count twice, since counted
    /// once too many go (`Documentation/decisions.md`).
    func losing(units share: Double) -> Offer {
      let kept = max((1 - share) * (1 - share) * (1 - loss), .leastNormalMagnitude)
      return Offer(rank: rank, scheme: scheme, cost: cost, loss: -log(kept))
    }
  }

  /// The chosen offer of every layer.
  let chosen: [Offer]
  /// What no choice within the limits can go below.
  let bound: Double

  var cost: SIMD2<Int> { chosen.cost }
  var loss: Double { chosen.loss }

  /// - Parameters:
  ///   - offers: of every layer, at least one each.
  ///   - limits: what they may cost together; `.max` limits nothing.
  /// - Returns: nil where even the cheapest cost more.
  init?(_ offers: [[Offer]], within limits: SIMD2<Int>) {
    let relaxation = Relaxation(offers: offers, limits: limits)
    guard let found = relaxation.solved() else { return nil }
    bound = found.bound
    chosen = Self.spend(limits &- found.choice.cost, on: found.choice, offers)
  }

  /// The choice with the rest of the limits spent, each time where the loss falls most for the part of the rest it takes.
  private static func spend(_ rest: SIMD2<Int>, on choice: [Offer], _ offers: [[Offer]]) -> [Offer] {
    var (choice, rest) = (choice, rest)
    while true {
      var best: (layer: Int, offer: Offer, gain: Double)?
      for (layer, own) in offers.enumerated() {
        for offer in own where offer.loss < choice[layer].loss {
          let more = offer.cost &- choice[layer].cost
          guard more.isWithin(rest) else { continue }
          let part = SIMD2<Double>(more) / SIMD2<Double>(pointwiseMax(rest, .one))
          let gain = (choice[layer].loss - offer.loss) / max(part.max(), .leastNormalMagnitude)
          if gain > best?.gain ?? 0 { best = (layer, offer, gain) }
        }
      }
      guard let best else { return choice }
      rest &-= best.offer.cost &- choice[best.layer].cost
      choice[best.layer] = best.offer
    }
  }
}

extension Survey.Layer {
  /// What the layer can become in any scheme that was surveyed: dense, or every rank that saves something that is limited.
  func offersOfAnyScheme(
    minimumRank: Int, _ limits: SizeLimits, _ measure: EnergyMeasure
  ) -> [RankAllocation.Offer] {
    let own = offers(minimumRank: minimumRank, limits, measure)
    guard obstacle == nil else { return own }
    return own[..<1]
      + cuts.flatMap { cut in
        let least = min(max(1, minimumRank), cut.spectrum.values.count)
        return stride(from: least, through: cut.spectrum.rank, by: 1).map { rank in
          RankAllocation.Offer(
            rank: rank, scheme: cut.scheme, cost: rank &* cut.perRank.size,
            loss: 1 - cut.spectrum.energy(of: rank, measure))
        }.filter { limits.save($0.cost, over: own[0].cost) }
      }
  }

  /// What the layer can become by time, in nanoseconds: as it is, or factors at ranks that the hardware likes, where
  /// the pair is faster by more than the clock can err. Losses are of the layer as given, its units that go included.
  func timedOffers(minimumRank: Int) -> [RankAllocation.Offer] {
    let own = milliseconds ?? 0
    let pairs = cuts.flatMap { cut in
      cut.timedRanks.filter { $0.rank >= minimumRank && $0.milliseconds < Self.sureGain * own }.map { time in
        RankAllocation.Offer(
          rank: time.rank, scheme: cut.scheme, cost: [time.milliseconds.nanoseconds, 0], loss: cut.losses[time.rank])
      }
    }
    let whole = RankAllocation.Offer(rank: nil, cost: [own.nanoseconds, 0], loss: 0)
    return ([whole] + pairs).map { $0.losing(units: unitLoss) }
  }

  /// A pair has to take less than this part of the layer's time.
  static let sureGain = 0.97

  /// The pair that would take the least time, faster or not.
  var fastestPair: (cut: Cut, time: Cut.RankTime)? {
    cuts.flatMap { cut in cut.times.map { (cut: cut, time: $0) } }.min { $0.time.milliseconds < $1.time.milliseconds }
  }

  /// What the layer can become: dense, or every rank that costs less.
  func offers(minimumRank: Int, _ limits: SizeLimits, _ measure: EnergyMeasure) -> [RankAllocation.Offer] {
    let dense = RankAllocation.Offer(rank: nil, cost: weights &* [1, positions], loss: 0)
    guard obstacle == nil else { return [dense] }
    let most = min(spectrum.rank, (weights - 1) / perRank)
    let least = min(max(1, minimumRank), spectrum.values.count)
    guard least <= most else { return [dense] }
    return [dense]
      + (least...most).map { rank in
        RankAllocation.Offer(
          rank: rank, cost: (rank * perRank) &* [1, positions], loss: 1 - spectrum.energy(of: rank, measure))
      }
  }
}

extension Double {
  /// Milliseconds as whole nanoseconds, which costs are counted in.
  var nanoseconds: Int { Int((self * 1e6).rounded()) }
}
