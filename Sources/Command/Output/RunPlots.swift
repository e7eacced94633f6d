import Foundation
import Reports
import Thresh

/// What a run's `metrics.jsonl` say, with those of its fine-tuning behind them, as plots.
struct RunHistory {
  let name: String
  /// In the order of the epochs; fine-tuning counts on.
  let epochs: [Epoch]
  /// The epoch after which the network was made compact.
  let cut: Int?

  struct Epoch {
    var number: Double
    var metrics: Metrics
    var isCompact: Bool
  }

  /// - Throws: `ContainerError` when the folder holds no metrics, or a line of them cannot be read.
  init(_ folder: RunFolder) throws {
    name = folder.url.relativePath
    let before = try Self.metrics(folder)
    guard let last = before.last else {
      throw ContainerError("\(folder.url.path) holds no metrics.jsonl with an epoch in it; name a run's folder")
    }
    let after = try Self.metrics(folder.finetuning)
    cut = after.isEmpty ? nil : last.epoch
    epochs =
      before.map { Epoch(number: Double($0.epoch), metrics: $0, isCompact: false) }
      + after.map { Epoch(number: Double(last.epoch) + Double($0.epoch), metrics: $0, isCompact: true) }
  }

  private static func metrics(_ folder: RunFolder) throws -> [Metrics] {
    guard let text = try? String(contentsOf: folder.metrics, encoding: .utf8) else { return [] }
    // A kill may have torn the last line; --resume cuts it off.
    let whole = text.lastIndex(of: "\n").map { text[..<$0] } ?? ""
    return try whole.split(separator: "\n").enumerated().map { index, line in
      do {
        return try ReadableJSON.decode(Metrics.self, from: Data(line.utf8))
      } catch {
        throw ContainerError(
          "line \(index + 1) of \(folder.metrics.path) is not a line of metrics; train the run again")
      }
    }
  }

  /// A line of one number an epoch; an epoch without it leaves a gap.
  func series(
    _ name: String, line: LinePlot.Series.Line = .solid, _ value: (Metrics) -> Double?
  ) -> LinePlot.Series {
    LinePlot.Series(
      name, epochs.map { LinePlot.Point(x: $0.number, y: value($0.metrics) ?? .nan) }, line: line)
  }

  /// Percent of the ranks that the run's energy keeps, or of the units that live, of those the network began with.
  func share(
    _ count: @escaping (Metrics.LayerMetrics) -> Int, of whole: (Metrics.LayerMetrics) -> Int
  ) -> (Metrics) -> Double? {
    let start = epochs[0].metrics.layers.map(whole).reduce(0, +)
    return { metrics in start == 0 ? nil : 100 * Double(metrics.layers.map(count).reduce(0, +)) / Double(start) }
  }

  var references: [LinePlot.Reference] { cut.map { [.vertical(x: Double($0), "made compact")] } ?? [] }
}

/// The pages that `thresh plot` draws.
enum RunPlots {
  private static let epoch = LinePlot.Axis("epoch")

  /// One run: accuracy, ranks and units, then the singular values of every layer.
  static func page(of run: RunHistory) -> PlotPage {
    let accuracy = LinePlot(
      title: "accuracy", x: epoch, y: LinePlot.Axis("top-1 in %"),
      series: [
        run.series("training images, augmented", line: .dashed) { $0.trainingTop1 },
        run.series("held-out images") { $0.validation?.top1 },
      ], references: run.references)
    let size = LinePlot(
      title: "ranks and units", x: epoch, y: LinePlot.Axis("% of the start"),
      series: [
        run.series("rank that keeps the energy", run.share(\.plannedRank, of: \.singularValues.count)),
        run.series("active units", run.share(\.activeUnits, of: \.units)),
      ], references: run.references)
    let layers = run.epochs[0].metrics.layers.map(\.name)
    return PlotPage(title: run.name, plots: [accuracy, size] + layers.map { spectrum(of: $0, run) })
  }

  /// Several runs in the same plots.
  static func comparison(of runs: [RunHistory]) -> PlotPage {
    func plot(_ title: String, _ label: String, _ series: (RunHistory) -> LinePlot.Series) -> LinePlot {
      LinePlot(title: title, x: epoch, y: LinePlot.Axis(label), series: runs.map(series))
    }
    return PlotPage(
      title: "\(runs.count) runs",
      plots: [
        plot("accuracy on held-out images", "top-1 in %") { run in run.series(run.name) { $0.validation?.top1 } },
        plot("training loss", "loss") { run in run.series(run.name) { $0.trainingLoss } },
        plot("rank that keeps the energy", "% of the start") { run in
          run.series(run.name, run.share(\.plannedRank, of: \.singularValues.count))
        },
        plot("active units", "% of the start") { run in run.series(run.name, run.share(\.activeUnits, of: \.units)) },
      ])
  }

  private static func spectrum(of layer: String, _ run: RunHistory) -> LinePlot {
    let found = run.epochs.compactMap { epoch in
      epoch.metrics.layers.first { $0.name == layer }.map { (epoch, $0.singularValues) }
    }
    // Four decades are what a thresholding leaves to be seen; below is what it has set to zero.
    let largest = max(found.compactMap(\.1.first).max() ?? 1, .leastNormalMagnitude)
    let count = found.map(\.1.count).max() ?? 0
    // A compact layer's values are others than those before: its lines begin anew.
    let lines = [false, true].flatMap { isCompact in
      (0..<count).map { index in
        found.filter { $0.0.isCompact == isCompact && index < $0.1.count }.map {
          LinePlot.Point(x: $0.0.number, y: $0.1[index])
        }
      }
    }
    return LinePlot(
      title: layer, x: epoch,
      y: LinePlot.Axis("singular values", scale: .logarithmic, range: largest * 1e-4...largest * 1.5), series: [],
      references: run.references, fan: lines.filter { !$0.isEmpty })
  }
}
