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

/// Ranks that lose least within a budget.
///
/// Every layer offers what it can become, at a cost and a relative squared error; one choice a layer is a knapsack. Its
/// Lagrangian relaxation, loss + λ·cost, falls apart into layers: λ is found by halving, then what is left of the budget
/// is spent where it gains most. The relaxation is also a bound: no choice within the budget loses less than `bound`.
struct RankAllocation {
  /// One thing that a layer can become.
  struct Offer: Equatable {
    /// Nil stays dense.
    var rank: Int?
    var scheme = Scheme.spatialFirst
    var cost: Int
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
  /// What no choice within the budget can go below.
  let bound: Double

  var cost: Int { chosen.map(\.cost).reduce(0, +) }
  var loss: Double { chosen.map(\.loss).reduce(0, +) }

  /// - Parameters:
  ///   - offers: of every layer, at least one each.
  ///   - budget: what they may cost together; nil comes back when even the cheapest cost more.
  init?(_ offers: [[Offer]], budget: Int) {
    // Each layer's best at a price; of equals the cheaper.
    func best(_ price: (loss: Double, cost: Double)) -> [Offer] {
      func value(_ offer: Offer) -> Double { price.loss * offer.loss + price.cost * Double(offer.cost) }
      return offers.map { own in
        own.dropFirst().reduce(own[0]) { (value($1), $1.cost) < (value($0), $0.cost) ? $1 : $0 }
      }
    }
    func cost(_ choice: [Offer]) -> Int { choice.map(\.cost).reduce(0, +) }
    guard cost(best((0, 1))) <= budget else { return nil }
    // Costs are whole numbers: beyond λ = the largest loss the cheapest wins whatever it loses.
    let largest = offers.joined().map(\.loss).max() ?? 0
    var (low, high) = (0.0, 1 + largest)
    if cost(best((1, low))) > budget {
      for _ in 0..<80 {
        let middle = (low + high) / 2
        if cost(best((1, middle))) > budget { low = middle } else { high = middle }
      }
    } else {
      high = 0
    }
    let relaxed = best((1, high))
    bound = max(0, relaxed.map(\.loss).reduce(0, +) + high * Double(cost(relaxed) - budget))
    chosen = Self.spend(budget - cost(relaxed), on: relaxed, offers)
  }

  /// The choice with the rest of the budget spent, each time where the loss falls most for what it costs.
  private static func spend(_ rest: Int, on choice: [Offer], _ offers: [[Offer]]) -> [Offer] {
    var (choice, rest) = (choice, rest)
    while true {
      var best: (layer: Int, offer: Offer, gain: Double)?
      for (layer, own) in offers.enumerated() {
        for offer in own where offer.loss < choice[layer].loss {
          let more = offer.cost - choice[layer].cost
          guard more <= rest else { continue }
          let gain = (choice[layer].loss - offer.loss) / Double(max(1, more))
          if gain > best?.gain ?? 0 { best = (layer, offer, gain) }
        }
      }
      guard let best else { return choice }
      rest -= best.offer.cost - choice[best.layer].cost
      choice[best.layer] = best.offer
    }
  }
}

extension Survey.Layer {
  /// What the layer can become in any scheme that was surveyed, by the cost that `cost` is of.
  func offersOfAnyScheme(
    minimumRank: Int, _ cost: KeyPath<Cost, Int>, _ measure: EnergyMeasure
  ) -> [RankAllocation.Offer] {
    let own = offers(minimumRank: minimumRank, cost, measure)
    guard obstacle == nil else { return own }
    return own[..<1]
      + cuts.flatMap { cut in
        let perRank = cut.perRank[keyPath: cost]
        let most = min(cut.spectrum.rank, (own[0].cost - 1) / perRank)
        return stride(from: min(max(1, minimumRank), cut.spectrum.values.count), through: most, by: 1).map { rank in
          RankAllocation.Offer(
            rank: rank, scheme: cut.scheme, cost: rank * perRank, loss: 1 - cut.spectrum.energy(of: rank, measure))
        }
      }
  }

  /// What the layer can become by time, in nanoseconds: as it is, or factors at ranks that the hardware likes, where
  /// the pair is faster by more than the clock can err. Losses are of the layer as given, its units that go included.
  func timedOffers(minimumRank: Int) -> [RankAllocation.Offer] {
    let own = milliseconds ?? 0
    let pairs = cuts.flatMap { cut in
      cut.timedRanks.filter { $0.rank >= minimumRank && $0.milliseconds < Self.sureGain * own }.map { time in
        RankAllocation.Offer(
          rank: time.rank, scheme: cut.scheme, cost: time.milliseconds.nanoseconds, loss: cut.losses[time.rank])
      }
    }
    let whole = RankAllocation.Offer(rank: nil, cost: own.nanoseconds, loss: 0)
    return ([whole] + pairs).map { $0.losing(units: unitLoss) }
  }

  /// A pair has to take less than this part of the layer's time.
  static let sureGain = 0.97

  /// The pair that would take the least time, faster or not.
  var fastestPair: (cut: Cut, time: Cut.RankTime)? {
    cuts.flatMap { cut in cut.times.map { (cut: cut, time: $0) } }.min { $0.time.milliseconds < $1.time.milliseconds }
  }

  /// What the layer can become, by the cost that `cost` is of: dense, or every rank that costs less.
  func offers(
    minimumRank: Int, _ cost: KeyPath<Cost, Int>, _ measure: EnergyMeasure
  ) -> [RankAllocation.Offer] {
    let perWeight = cost == \.macs ? positions : 1
    let dense = RankAllocation.Offer(rank: nil, cost: weights * perWeight, loss: 0)
    guard obstacle == nil else { return [dense] }
    let most = min(spectrum.rank, (weights - 1) / perRank)
    let least = min(max(1, minimumRank), spectrum.values.count)
    guard least <= most else { return [dense] }
    return [dense]
      + (least...most).map { rank in
        RankAllocation.Offer(
          rank: rank, cost: rank * perRank * perWeight, loss: 1 - spectrum.energy(of: rank, measure))
      }
  }
}

extension Double {
  /// Milliseconds as whole nanoseconds, which costs are counted in.
  var nanoseconds: Int { Int((self * 1e6).rounded()) }
}
