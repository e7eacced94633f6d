import Compaction

/// A layer that is about to stop carrying anything.
public struct Alarm: Sendable, Equatable {
  /// The same for every alarm about the same thing, so that each is given once.
  public var id: String
  public var message: String

  /// A layer of fewer than this rank passes on next to nothing.
  static let leastRank = 2
  /// A tie of fewer living units than this share passes on next to nothing.
  static let leastLiving = 0.05
}

extension ProximalStep {
  /// What is about to collapse: ranks under 2 and ties with fewer than 5 % living units, now or a few such steps ahead.
  ///
  /// It is told at the proximal step that does it, before the accuracy tells. Looking ahead is needed where the
  /// strength is a shock: weights shrink to nothing some steps before they are exactly zero.
  public func alarms(energy: Double, _ measure: EnergyMeasure) -> [Alarm] {
    let ranks = spectra.sorted { $0.key < $1.key }.compactMap { layer, spectrum -> Alarm? in
      let lasting = spectrum.values.prefix { $0 > Self.horizon * (thresholds[layer] ?? 0) }.count
      let kept = spectrum.values.first == 0 ? 0 : spectrum.rank(keeping: energy, measure)
      let rank = min(kept, lasting)
      guard rank < Alarm.leastRank, min(spectrum.rows, spectrum.columns) >= 2 * Alarm.leastRank else { return nil }
      return Alarm(
        id: "rank \(layer)",
        message: "layer \(layer) is going down to rank \(rank) and about to collapse; lower --nuclear, or --skip it")
    }
    let units = living.sorted { $0.key < $1.key }.compactMap { family, living -> Alarm? in
      let lasting = min(living.alive, lasting[family] ?? living.alive)
      guard Double(lasting) < Alarm.leastLiving * Double(living.count) || lasting == 0 else { return nil }
      return Alarm(
        id: "units \(family)",
        message: "\(lasting) of \(living.count) units of \(family) will last; it is about to collapse; lower --group")
    }
    return ranks + units
  }
}
