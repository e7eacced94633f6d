import Datasets
import Foundation
import Reports
import Training

/// Where a command tells what it does: results on standard output, everything else on standard error.
enum Console {
  static func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

  /// Prints a value as JSON with sorted keys.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Shows a training's events: one bar for each epoch, then a line.
final class TrainingDisplay {
  private let title: String
  private let epochs: Int
  private let images: Int
  private let batchSize: Int
  private var bar: ProgressBar?

  init(_ title: String, epochs: Int, images: Int, batchSize: Int) {
    self.title = title
    self.epochs = epochs
    self.images = images
    self.batchSize = batchSize
  }

  func show(_ event: TrainingEvent) {
    switch event {
    case .started(let epoch, _, let done):
      bar?.clear()
      bar = ProgressBar(
        "\(title) epoch \(epoch + 1)/\(epochs)", total: images - min(images, done * batchSize), unit: "images")
    case .step(let count, let loss): bar?.advance(by: count, note: "loss \(loss.formatted(decimals: 3))")
    case .evaluated(let metrics):
      bar?.clear()
      bar = nil
      Console.note(line(metrics))
    case .began(let part, let count, let unit):
      bar?.clear()
      bar = ProgressBar("\(title) \(part)", total: count, unit: unit)
    case .advanced(let count): bar?.advance(by: count)
    case .compacted(let epoch, let plan):
      bar?.clear()
      bar = nil
      let (before, after) = (plan.original, plan.predicted)
      Console.note(
        "\(title) smaller after epoch \(epoch): \(before.parameters.formattedCount) → "
          + "\(after.parameters.formattedCount) parameters, \(before.macs.formattedCount) → "
          + "\(after.macs.formattedCount) MACs")
    case .warning(let text):
      bar?.clear()
      bar = nil
      Console.note("warning: \(text)")
    case .backedOff(let backOff):
      bar?.clear()
      bar = nil
      Console.note("warning: \(title): \(backOff)")
    }
  }

  /// Takes the bar away, before an error is told.
  func clear() { bar?.clear() }

  private func line(_ metrics: Metrics) -> String {
    let layers = metrics.layers
    let ranks = layers.map(\.plannedRank).reduce(0, +)
    let fullRanks = layers.map { min($0.units, $0.singularValues.count) }.reduce(0, +)
    let units = (layers.map(\.livingUnits).reduce(0, +), layers.map(\.units).reduce(0, +))
    let parts = [
      "\(title) epoch \(metrics.epoch)/\(epochs)", "loss \(metrics.trainingLoss.formatted(decimals: 3))",
      "train \((metrics.trainingTop1 / 100).formattedPercent(decimals: 1))",
      metrics.validation.map { "validation \(($0.top1 / 100).formattedPercent(decimals: 1))" } ?? "",
      "ranks \(ranks)/\(fullRanks)", "units \(units.0)/\(units.1)", metrics.seconds.formattedDuration,
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "  ")
  }
}

/// A bar that is made anew for each part of a longer job.
final class PartDisplay {
  private var bar: ProgressBar?

  func begin(_ title: String, _ count: Int, _ unit: String) {
    bar?.clear()
    bar = ProgressBar(title, total: count, unit: unit)
  }

  func advance(_ count: Int) { bar?.advance(by: count) }

  func end() {
    bar?.clear()
    bar = nil
  }
}
