import Compaction
import Foundation
import Networks
import Reports
import Training

extension Plan: CustomStringConvertible {
  /// What happens to each layer and why, then the whole, as a table.
  public var description: String { PlanTable.text(self) }
}

extension Compressed: CustomStringConvertible {
  /// The plan as a table, the proof, and what the network reached on the way.
  public var description: String { PlanTable.text(self) }
}

/// A plan as a person reads it.
private enum PlanTable {
  /// What would be done.
  static func text(_ plan: Plan) -> String {
    ([layers(of: plan, .number("loss")) { $0.loss }] + summary(plan)).joined(separator: "\n")
  }

  /// What was done, and what came of it.
  static func text(_ compressed: Compressed) -> String {
    let plan = compressed.plan
    let equal = compressed.proof.largestDifference / max(compressed.proof.largestValue, .leastNormalMagnitude)
    let proof = "equality proved in float64: largest difference \(exponent(equal)) of the largest output"
    return ([layers(of: plan, .number("energy")) { $0.energy }] + summary(plan) + [proof] + stages(compressed))
      .joined(separator: "\n")
  }

  /// - Parameter share: what of a layer is told in percent.
  private static func layers(of plan: Plan, _ column: TextTable.Column, _ share: (Plan.Layer) -> Double) -> String {
    let times = plan.time == nil ? [] : [TextTable.Column.number("ms"), .number("ms after")]
    var table = TextTable(
      [.text("layer"), .number("units"), .number("rank"), .text("becomes"), column, .number("weights")] + times)
    for layer in plan.layers {
      let cells = [
        layer.name,
        layer.units == layer.unitsBefore ? "\(layer.units)" : "\(layer.unitsBefore) → \(layer.units)",
        "\(layer.numericalRank)", form(layer), share(layer).formattedPercent(decimals: 1),
        layer.weights == layer.weightsBefore
          ? layer.weights.formattedCount : "\(layer.weightsBefore.formattedCount) → \(layer.weights.formattedCount)",
      ]
      table.append(cells + (plan.time == nil ? [] : [layer.millisecondsBefore, layer.milliseconds].map(milliseconds)))
    }
    return table.text()
  }

  private static func form(_ layer: Plan.Layer) -> String {
    switch layer.form {
    case .dense: "dense" + (layer.reason.map { ": \($0)" } ?? "")
    case .lowRank(.spatialFirst, let rank): "rank \(rank)"
    case .lowRank(let decomposition, let rank): "rank \(rank) as \(decomposition.name)"
    }
  }

  private static func milliseconds(_ value: Double?) -> String { value.map { $0.formatted(decimals: 3) } ?? "" }

  private static func time(_ plan: Plan) -> [String] {
    guard let time = plan.time else { return [] }
    func share(_ after: Double, _ before: Double) -> String { (after / before).formattedPercent(decimals: 1) }
    let measured = time.measured.map { own in
      [
        """
        measured in \(own.runtime): \(milliseconds(own.original)) → \(milliseconds(own.compact)) ms \
        (\(share(own.compact, own.original))\(own.isTooLong ? ", more than asked for" : ""))
        """
      ]
    }
    return [
      """
      time \(milliseconds(time.original)) → \(milliseconds(time.predicted)) ms (\(share(time.predicted, time.original))) for \
      \(time.conditions.description); besides these layers \(milliseconds(time.restBefore)) → \
      \(milliseconds(time.rest)) ms
      """
    ] + (measured ?? [])
  }

  private static func summary(_ plan: Plan) -> [String] {
    let (before, after) = (plan.original, plan.predicted)
    func change(_ name: String, _ old: Int, _ new: Int) -> String {
      let share = (Double(new) / Double(max(1, old))).formattedPercent(decimals: 1)
      return "\(name) \(old.formattedCount) → \(new.formattedCount) (\(share))"
    }
    let kept = plan.unitShare.formattedPercent(decimals: 1)
    // Less than is shown are units that next to nothing is lost with.
    let units =
      plan.unitShare < 0.9995
      ? ["active units were removed too: the strongest stay, at least \(kept) of the norms of each channel group"] : []
    let images = plan.activationImages.map { ["energies are those of the activations for \($0) images"] } ?? []
    let costs =
      change("parameters", before.parameters, after.parameters) + "   " + change("MACs", before.macs, after.macs)
    return time(plan) + images + units + [costs]
  }

  private static func stages(_ compressed: Compressed) -> [String] {
    compressed.stages.map { stage in
      var note = ""
      if stage.name == "recalibrated" { note = compressed.recalibrated ? "  (kept)" : "  (not better, not kept)" }
      let name = stage.name.padding(toLength: 13, withPad: " ", startingAt: 0)
      return "\(name) top-1 \((stage.accuracy.top1 / 100).formattedPercent(decimals: 2)), loss "
        + stage.accuracy.loss.formatted(decimals: 3) + note
    }
  }

  private static func exponent(_ value: Double) -> String {
    guard value > 0 else { return "0" }
    return String(format: "%.0e", value)
  }
}
