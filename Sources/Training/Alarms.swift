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
  /// What is about to collapse: ranks under 2 and ties with fewer than 5 % living units.
  ///
  /// It is told at the proximal step that does it, epochs before the accuracy tells.
  public func alarms(energy: Double, _ measure: EnergyMeasure) -> [Alarm] {
    let ranks = spectra.sorted { $0.key < $1.key }.compactMap { layer, spectrum -> Alarm? in
      let rank = spectrum.values.first == 0 ? 0 : spectrum.rank(keeping: energy, measure)
      guard rank < Alarm.leastRank, min(spectrum.rows, spectrum.columns) >= 2 * Alarm.leastRank else { return nil }
      return Alarm(
        id: "rank \(layer)",
        message:
          "layer \(layer) is down to rank \(rank) and about to collapse; lower --nuclear, or leave it out with --skip")
    }
    let units = living.sorted { $0.key < $1.key }.compactMap { family, living -> Alarm? in
      guard Double(living.alive) < Alarm.leastLiving * Double(living.count) || living.alive == 0 else { return nil }
      return Alarm(
        id: "units \(family)",
        message:
          "\(living.alive) of \(living.count) units of \(family) are alive; it is about to collapse; lower --group")
    }
    return ranks + units
  }
}
