import Compaction
import Foundation
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
  static func text(_ plan: Plan) -> String { ([table(plan)] + before(plan) + [sizes(plan)]).joined(separator: "\n") }

  static func text(_ compressed: Compressed) -> String {
    let plan = compressed.plan
    let equal = compressed.proof.largestDifference / max(compressed.proof.largestValue, .leastNormalMagnitude)
    let proof = "equality proved in float64: largest difference \(exponent(equal)) of the largest output"
    return ([table(plan)] + before(plan) + [sizes(plan), proof] + stages(compressed)).joined(separator: "\n")
  }

  private static func table(_ plan: Plan) -> String {
    let isTimed = plan.time != nil
    let times = isTimed ? [TextTable.Column.number("ms"), .number("ms after")] : []
    var table = TextTable(
      [.text("layer"), .number("units"), .number("rank"), .text("becomes"), .number("energy"), .number("weights")]
        + times)
    for layer in plan.layers {
      let cells = [
        layer.name,
        layer.units == layer.unitsBefore ? "\(layer.units)" : "\(layer.unitsBefore) → \(layer.units)",
        "\(layer.rank)", choice(layer), layer.energy.formattedPercent(decimals: 1),
        layer.weights == layer.weightsBefore
          ? layer.weights.formattedCount : "\(layer.weightsBefore.formattedCount) → \(layer.weights.formattedCount)",
      ]
      table.append(cells + (isTimed ? [layer.millisecondsBefore, layer.milliseconds].map(milliseconds) : []))
    }
    return table.text()
  }

  private static func choice(_ layer: Plan.Layer) -> String {
    switch layer.choice {
    case .dense(let reason): "dense: \(reason)"
    case .factorized(let rank, .spatialFirst): "rank \(rank)"
    case .factorized(let rank, let scheme): "rank \(rank) as \(scheme.rawValue)"
    }
  }

  private static func milliseconds(_ value: Double?) -> String { value.map { $0.formatted(decimals: 3) } ?? "" }

  private static func time(_ plan: Plan) -> [String] {
    guard let time = plan.time else { return [] }
    let share = (time.predicted / time.original).formattedPercent(decimals: 1)
    return [
      """
      time \(milliseconds(time.original)) → \(milliseconds(time.predicted)) ms (\(share)) for \
      \(time.conditions.description); besides these layers \(milliseconds(time.restBefore)) → \
      \(milliseconds(time.rest)) ms
      """
    ]
  }

  private static func sizes(_ plan: Plan) -> String {
    let (before, after) = (plan.original, plan.predicted)
    func change(_ name: String, _ old: Int, _ new: Int) -> String {
      let share = (Double(new) / Double(max(1, old))).formattedPercent(decimals: 1)
      return "\(name) \(old.formattedCount) → \(new.formattedCount) (\(share))"
    }
    return change("parameters", before.parameters, after.parameters) + "   " + change("MACs", before.macs, after.macs)
  }

  private static func before(_ plan: Plan) -> [String] {
    let share = plan.unitShare
    let kept = share.formattedPercent(decimals: 1)
    let least = plan.unitCounts == nil ? "" : "at least "
    // Less than is shown are units that next to nothing is lost with.
    let units =
      share < 0.9995 ? ["living units went too: the strongest stay, \(least)\(kept) of the norms of each tie"] : []
    let responses = plan.responses.map { ["energies are those of what layers give for \($0) images"] } ?? []
    return time(plan) + responses + units
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
