import Foundation
import Reports
import Thresh

/// The pages that `thresh plot` draws.
enum RunPlots {
  /// The same in every plot of a page.
  private static func epoch(_ runs: [RunHistory]) -> LinePlot.Axis {
    let numbers = runs.flatMap { $0.epochs.map(\.number) }
    let (first, last) = (Double(numbers.min() ?? 0), Double(numbers.max() ?? 1))
    // Less than a step in front: there is no epoch 0.
    let air = first == last ? 0.5 : max(0.15, (last - first) * 0.03)
    return LinePlot.Axis("epoch", scale: .whole, range: first - min(air, 0.9)...last + air)
  }

  /// One run: a summary, the ranks of all layers, then the singular values of the layers that were asked for.
  ///
  /// - Throws: `RecipeError` when a pattern names no layer.
  static func page(of run: RunHistory, layers patterns: [String]) throws -> PlotPage {
    let plots = curves(of: run)
    let names = run.epochs[0].metrics.layers.map(\.name)
    if let misfit = Pattern.misfit(patterns, among: names) { throw RecipeError("--layers \(misfit)") }
    let chosen = names.filter(Pattern.any(of: patterns))
    return PlotPage(
      title: run.name, plots: plots, maps: ranks(of: run).map { [$0] } ?? [],
      details: chosen.map { spectrum(of: $0, run) })
  }

  /// What a run comes to, epoch by epoch.
  static func curves(of run: RunHistory) -> [LinePlot] {
    learning(of: run) + [size(of: run)] + (strength(of: run).map { [$0] } ?? [])
  }

  /// How well the network does, epoch by epoch.
  static func learning(of run: RunHistory) -> [LinePlot] {
    let relative = LinePlot(
      title: "relative error of the outputs", x: epoch([run]), y: LinePlot.Axis("% of their variation"),
      series: [run.series("held-out images") { $0.validation?.relativeError.map { 100 * $0 } }])
    let hasErrors = run.has { $0.validation?.relativeError }
    let hasClasses = run.has { $0.validation?.top1 ?? $0.trainingTop1 }
    return (hasClasses ? [accuracy(of: run)] : []) + (hasErrors ? [relative] : []) + [loss(of: run)]
  }

  private static func accuracy(of run: RunHistory) -> LinePlot {
    var series = [
      run.series("training images, augmented", line: .dashed) { $0.trainingTop1 },
      run.series("held-out images") { $0.validation?.top1 },
    ]
    if let test = run.result?.test, let top1 = test.top1 {
      series.append(run.end("test images: \(test.brief)", top1))
    }
    return LinePlot(
      title: "accuracy", x: epoch([run]), y: LinePlot.Axis("top-1 in %"), series: series, references: run.references)
  }

  private static func loss(of run: RunHistory) -> LinePlot {
    LinePlot(
      title: "loss", x: epoch([run]), y: LinePlot.Axis("cross-entropy"),
      series: [
        run.series("training images, augmented", line: .dashed) { $0.trainingLoss },
        run.series("held-out images") { $0.validation?.loss },
      ], references: run.references)
  }

  /// What training comes to: the size that a plan would reach where one is asked for, ranks, units; at the end the
  /// size of the file.
  private static func size(of run: RunHistory) -> LinePlot {
    var series = [
      run.series(
        "rank that keeps the energy", run.share(\.plannedRank, of: { min($0.units, $0.singularValues.count) })),
      run.series("active units", run.share(\.activeUnits, of: \.units)),
    ]
    if run.has(\.predictedSize) { series.append(run.series("predicted size") { $0.predictedSize.map { 100 * $0 } }) }
    if let result = run.result {
      func share(_ count: Int, _ dense: Int) -> Double { 100 * Double(count) / Double(max(1, dense)) }
      series.append(
        run.end("parameters: \(result.parameters.formattedCount)", share(result.parameters, result.denseParameters)))
      series.append(run.end("MACs: \(result.macs.formattedCount)", share(result.macs, result.denseMacs)))
    }
    return LinePlot(
      title: "size", x: epoch([run]), y: LinePlot.Axis("% of the start", range: 0...104), series: series,
      references: run.references)
  }

  /// Where the strength follows a target.
  private static func strength(of run: RunHistory) -> LinePlot? {
    guard run.has(\.strength) else { return nil }
    return LinePlot(
      title: "strength of the regulariser", x: epoch([run]), y: LinePlot.Axis("factor"),
      series: [run.series("strength") { $0.strength }], references: run.references)
  }

  /// The ranks of all layers; nil of a network that has none.
  static func ranks(of run: RunHistory) -> HeatMap? {
    let names = run.epochs[0].metrics.layers.map(\.name)
    guard !names.isEmpty else { return nil }
    let whole = Dictionary(
      run.epochs[0].metrics.layers.map { ($0.name, min($0.units, $0.singularValues.count)) }
    ) { first, _ in first }
    let values = names.map { name in
      run.epochs.map { epoch -> Double? in
        guard let layer = epoch.metrics.layers.first(where: { $0.name == name }), let full = whole[name], full > 0
        else { return nil }
        return Double(layer.plannedRank) / Double(full)
      }
    }
    return HeatMap(
      title: "rank that keeps the energy, share of the full rank", rows: HeatMap.Axis("layer", names),
      columns: HeatMap.Axis("epoch", run.epochs.map { "\($0.number)" }), values: values,
      marks: run.cuts.compactMap { cut in
        run.epochs.firstIndex { $0.number == cut }.map { HeatMap.Mark(after: $0 + 1, "made compact") }
      })
  }

  /// Several runs in the same plots.
  static func comparison(of runs: [RunHistory]) -> PlotPage {
    // A line where all were made compact at once; otherwise lines would need names.
    let cuts = Set(runs.map(\.cuts))
    let references = cuts.count == 1 ? runs[0].references : []
    func plot(_ title: String, _ label: String, _ series: (RunHistory) -> LinePlot.Series) -> LinePlot {
      LinePlot(
        title: title, x: epoch(runs), y: LinePlot.Axis(label), series: runs.map(series), references: references)
    }
    func size(_ run: RunHistory) -> String {
      run.result.map { ": \($0.parameters.formattedCount) parameters, \($0.macs.formattedCount) MACs" } ?? ""
    }
    func compact(_ run: RunHistory) -> String {
      guard !run.cuts.isEmpty, references.isEmpty else { return "" }
      return ", compact after epoch " + run.cuts.map { "\($0)" }.joined(separator: " and ")
    }
    func test(_ run: RunHistory) -> String {
      run.result.map { ": \($0.test.brief) on test images" } ?? ""
    }
    return PlotPage(
      title: "\(runs.count) runs: " + runs.map(\.name).joined(separator: ", "),
      plots: [
        plot("accuracy on held-out images", "top-1 in %") { run in
          run.series(run.name + test(run)) { $0.validation?.top1 }
        },
        plot("training loss", "loss") { run in run.series(run.name) { $0.trainingLoss } },
        plot("rank that keeps the energy", "% of the start") { run in
          run.series(
            run.name + size(run), run.share(\.plannedRank, of: { min($0.units, $0.singularValues.count) }))
        },
        plot("active units", "% of the start") { run in
          run.series(run.name + compact(run), run.share(\.activeUnits, of: \.units))
        },
      ])
  }

  private static func spectrum(of layer: String, _ run: RunHistory) -> LinePlot {
    let found = run.epochs.compactMap { epoch in
      epoch.metrics.layers.first { $0.name == layer }.map { (epoch, $0.singularValues) }
    }
    // Four decades are what a thresholding leaves to be seen; below is what it has set to zero.
    let values = found.flatMap(\.1)
    let largest = max(values.max() ?? 1, .leastNormalMagnitude)
    let smallest = values.filter { $0 > largest * 1e-4 }.min() ?? largest
    let count = found.map(\.1.count).max() ?? 0
    // A compact layer's values are others than those before: its lines begin anew.
    let lines = Set(found.map(\.0.cuts)).sorted().flatMap { cuts in
      (0..<count).map { index in
        found.filter { $0.0.cuts == cuts && index < $0.1.count }.map {
          LinePlot.Point(x: Double($0.0.number), y: $0.1[index])
        }
      }
    }
    return LinePlot(
      title: layer, x: epoch([run]),
      y: LinePlot.Axis("singular values", scale: .logarithmic, range: smallest / 1.3...largest * 1.3), series: [],
      references: run.references, fan: lines.filter { !$0.isEmpty })
  }
}
