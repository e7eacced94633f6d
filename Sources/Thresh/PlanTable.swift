import Compaction
import Foundation
import Networks
import Reports
import Training

extension Plan: CustomStringConvertible {
  /// What happens to each layer and why, then the whole, as a table.
  public var description: String { text(.plain) }

  /// The same in a style.
  ///
  /// - Parameter advice: what shows the columns that have no room.
  package func text(_ style: TextStyle, all advice: String = "a wider terminal") -> String {
    let table = PlanTable(self, style, all: advice)
    return table.text([table.layers(.number("loss", leaving: 2)) { $0.loss }] + table.summary)
  }
}

extension Compressed: CustomStringConvertible {
  /// The plan as a table, the proof, and what the network reached on the way.
  public var description: String { text(.plain) }

  /// The same in a style.
  ///
  /// - Parameter advice: what shows the columns that have no room.
  package func text(_ style: TextStyle, all advice: String = "a wider terminal") -> String {
    let table = PlanTable(plan, style, all: advice)
    let equal = proof.largestDifference / max(proof.largestValue, .leastNormalMagnitude)
    let power = equal > 0 ? String(format: "%.0e", equal) : "0"
    let sentence = "equality proved in float64: largest difference \(power) of the largest output"
    let layers = table.layers(.number("energy", leaving: 2)) { $0.energy }
    return table.text([layers] + table.summary + [sentence] + stageLines(style))
  }

  private func stageLines(_ style: TextStyle) -> [String] {
    stages.map { stage in
      var note = ""
      if stage.name == "recalibrated" { note = recalibrated ? "  (kept)" : "  (not better, not kept)" }
      // What a point of accuracy more or less would be is noise in small sets.
      let change = stage.accuracy.top1.map { $0 - (stages.first?.accuracy.top1 ?? 0) }
      let tone =
        stage == stages.first ? nil : change.flatMap { $0 >= 0 ? .better : $0 < -1 ? .worse : nil as TextStyle.Tone? }
      return stage.name.padded(to: 13) + " " + stage.accuracy.inWords(style, tone)
        + (stage.accuracy.top1 == nil ? "" : ", loss \(stage.accuracy.loss.formatted(decimals: 3))") + note
    }
  }
}

extension String {
  func padded(to width: Int) -> String { padding(toLength: max(count, width), withPad: " ", startingAt: 0) }
}

/// A plan as a person reads it.
private struct PlanTable {
  let plan: Plan
  let style: TextStyle
  let advice: String

  init(_ plan: Plan, _ style: TextStyle, all advice: String) {
    (self.plan, self.style, self.advice) = (plan, style, advice)
  }

  /// Paragraphs one below the other; a table has its lines already.
  func text(_ parts: [String]) -> String {
    ([parts[0]] + parts.dropFirst().map { $0.wrapped(to: style.width) }).joined(separator: "\n")
  }

  /// - Parameter share: what of a layer is told in percent.
  func layers(_ column: TextTable.Column, _ share: (Plan.Layer) -> Double) -> String {
    // Reasons are sentences where there is room for them.
    let whole = table(column, share, \.description)
    let isWide = whole.text().split(separator: "\n").contains { $0.count > style.width }
    return (isWide ? table(column, share, \.inFewWords) : whole).text(style, all: advice)
  }

  private func table(
    _ column: TextTable.Column, _ share: (Plan.Layer) -> Double, _ words: (DenseReason) -> String
  ) -> TextTable {
    let times = plan.time == nil ? [] : [TextTable.Column.number("ms"), .number("ms after")]
    var table = TextTable(
      [
        .name("layer"), .number("units", leaving: 4), .number("rank", leaving: 1), .text("becomes"), column,
        .number("weights", leaving: 3),
      ] + times)
    for layer in plan.layers {
      let cells = [
        layer.name,
        layer.units == layer.unitsBefore ? "\(layer.units)" : "\(layer.unitsBefore) → \(layer.units)",
        "\(layer.numericalRank)", form(layer, words), share(layer).formattedPercent(decimals: 1),
        Self.change(layer.weightsBefore.formattedCount, layer.weights.formattedCount),
      ]
      let milliseconds = [layer.millisecondsBefore, layer.milliseconds].map(Self.milliseconds)
      table.append(
        cells + (plan.time == nil ? [] : milliseconds), tones: layer.form == .dense ? [3: .faint] : [:])
    }
    return table
  }

  /// Two sizes with their unit once where it is the same: 2.36 → 0.59 M.
  private static func change(_ before: String, _ after: String) -> String {
    guard before != after else { return after }
    let (old, new) = (before.split(separator: " "), after.split(separator: " "))
    return old.count == 2 && new.count == 2 && old[1] == new[1] ? "\(old[0]) → \(after)" : "\(before) → \(after)"
  }

  private func form(_ layer: Plan.Layer, _ words: (DenseReason) -> String) -> String {
    switch layer.form {
    case .dense: "dense" + (layer.reason.map { ": \(words($0))" } ?? "")
    case .lowRank(.spatialFirst, let rank): "rank \(rank)"
    case .lowRank(let decomposition, let rank): "rank \(rank) as \(decomposition.kernels)"
    }
  }

  private static func milliseconds(_ value: Double?) -> String { value.map { $0.formatted(decimals: 3) } ?? "" }

  private var time: [String] {
    guard let time = plan.time else { return [] }
    func change(_ before: Double, _ after: Double) -> String {
      let share = (after / before).formattedPercent(decimals: 1)
      return "\(Self.milliseconds(before)) → \(Self.milliseconds(after)) ms (\(share)"
    }
    let rest = "\(Self.milliseconds(time.restBefore)) → \(Self.milliseconds(time.rest)) ms"
    let whole = change(time.original, time.predicted) + ") for \(time.conditions.description)"
    let measured = time.measured.map { own in
      "measured in \(own.runtime): " + change(own.original, own.compact)
        + (own.isTooLong ? ", more than asked for)" : ")")
    }
    return ["time \(whole); besides these layers \(rest)"] + (measured.map { [$0] } ?? [])
  }

  var summary: [String] {
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
    return time + images + units + [costs]
  }
}
