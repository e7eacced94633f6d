import Compaction
import Foundation

/// A layer that is about to stop carrying anything.
public struct Alarm: Sendable, Equatable {
  /// The same for every alarm about the same thing, so that each is given once.
  public var id: String
  public var message: String

  /// A layer of fewer than this rank passes on next to nothing.
  static let leastRank = 2
  /// A channel group of fewer active units than this share passes on next to nothing.
  static let leastActive = 0.05
  /// Proximal steps that are thought ahead for weights that shrink.
  static let foresight = 5.0

  /// The alarm for a training that has come to guessing, as a rate that is too high makes it.
  ///
  /// - Parameter top1: percent of the training images of an epoch.
  static func guessing(top1: Double, classes: Int, epoch: Int) -> Alarm? {
    guard isGuess(top1: top1, classes: classes) else { return nil }
    let share = String(format: "%.1f", top1)
    return Alarm(
      id: "guessing",
      message:
        "epoch \(epoch) classified \(share) % of the training images correctly, as guessing would; lower `lr`, or "
        + "the strengths")
  }

  /// The sentence for a network that guesses when its run ends; nil for one that has learnt something.
  package static func ended(_ test: Accuracy, classes: Int) -> String? {
    guard let top1 = test.top1, isGuess(top1: top1, classes: classes) else { return nil }
    let (found, chance) = (String(format: "%.1f", top1), String(format: "%.1f", 100 / Double(classes)))
    return "the network is at chance: it classifies \(found) % of \(test.images) test images correctly, guessing would "
      + "\(chance) %; train longer, or lower `lr` or what was asked of the compression"
  }

  /// Whether an accuracy in percent is next to that of guessing: less than half as often again, and less than a tenth
  /// of the way from there to all.
  static func isGuess(top1: Double, classes: Int) -> Bool {
    let chance = 100 / Double(max(1, classes))
    return classes > 1 && top1 < chance + min(0.5 * chance, 0.1 * (100 - chance))
  }
}

extension ProximalStep {
  /// What is about to collapse: ranks under 2, channel groups with fewer than 5 % active units, and layers that fade.
  ///
  /// - Parameters:
  ///   - energy: the share that a plan would keep, by `measure`.
  ///   - sums: Σσ of the layers after the proximal step before.
  ///   - isNormalized: whether a batch norm follows a layer, so that the norm of its weight does not matter.
  public func alarms(
    energy: Double, _ measure: EnergyMeasure, before sums: [String: Double] = [:],
    isNormalized: (String) -> Bool = { _ in false }
  ) -> [Alarm] {
    lowRanks(energy, measure) + fewUnits + fading(since: sums, isNormalized)
  }

  /// Σσ of every layer after this step.
  var spectralSums: [String: Double] { spectra.mapValues { $0.values.reduce(0, +) } }

  /// Layers that would be gone in a few steps more like this one. Where no batch norm follows, weights shrink before
  /// ranks or units do, and accuracy goes with them.
  private func fading(since sums: [String: Double], _ isNormalized: (String) -> Bool) -> [Alarm] {
    spectralSums.sorted { $0.key < $1.key }.compactMap { layer, now -> Alarm? in
      guard let before = sums[layer], !isNormalized(layer), now < Alarm.foresight * (before - now) else { return nil }
      return Alarm(
        id: "fading \(layer)",
        message:
          "the weights of \(layer) shrink to nothing within \(Int(Alarm.foresight)) proximal steps; lower `nuclear`")
    }
  }

  private func lowRanks(_ energy: Double, _ measure: EnergyMeasure) -> [Alarm] {
    spectra.sorted { $0.key < $1.key }.compactMap { layer, spectrum -> Alarm? in
      let rank = spectrum.values.first == 0 ? 0 : spectrum.rank(keeping: energy, measure)
      guard rank < Alarm.leastRank, min(spectrum.rows, spectrum.columns) >= 2 * Alarm.leastRank else { return nil }
      return Alarm(
        id: "rank \(layer)",
        message:
          "layer \(layer) is down to rank \(rank) and about to collapse; lower `nuclear`, or leave it out with `skip`")
    }
  }

  private var fewUnits: [Alarm] {
    active.sorted { $0.key < $1.key }.compactMap { group, units -> Alarm? in
      guard Double(units.active) < Alarm.leastActive * Double(units.count) || units.active == 0 else { return nil }
      return Alarm(
        id: "units \(group)",
        message:
          "\(units.active) of \(units.count) units of \(group) are active; it is about to collapse; lower `group`")
    }
  }
}
