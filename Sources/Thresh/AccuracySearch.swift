import Compaction
import Containers
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Training

/// The search for the smallest size that loses at most so much accuracy.
///
/// Sizes are halved in between, on a logarithmic scale: each is planned, cut, proved and tuned for a few epochs, and
/// its loss against the network itself is bounded on the held-out images (`AccuracyDrop`). A size is small enough to
/// lose too much if the bound is larger than what may be lost.
package struct AccuracySearch {
  /// What a size is a fraction of.
  package enum Currency: String, Sendable, Codable, CaseIterable {
    case macs, parameters, time

    package func target(_ fraction: Double) -> Target {
      switch self {
      case .macs: .macs(fraction)
      case .parameters: .parameters(fraction)
      case .time: .time(fraction)
      }
    }
  }

  /// A size that was tried.
  package struct Point: Sendable, Codable, Equatable {
    package var fraction: Double
    /// On the held-out images; nil where no plan reaches the size.
    package var accuracy: Accuracy?
    package var drop: AccuracyDrop?
    /// What a command of the user's said, which judges then.
    package var score: Double?
    package var parameters: Int?
    package var macs: Int?
  }

  /// Points of top-1 that may be lost, or so much of a score.
  package var mostPoints: Double
  package var currency: Currency
  /// Epochs that every size is tuned for before it is judged.
  package var epochs: Int
  /// Where trials are kept, for a search that goes on.
  package var folder: URL

  /// Who tells the times where they are the currency.
  package var clock: ClockName

  package init(losing mostPoints: Double, of currency: Currency, by clock: ClockName, epochs: Int, in folder: URL) {
    (self.mostPoints, self.currency, self.clock) = (mostPoints, currency, clock)
    (self.epochs, self.folder) = (epochs, folder)
  }

  /// A search as it is kept, by what its sizes depend on.
  private struct Record: Codable {
    var currency: Currency
    /// Nil is Thresh's own engine.
    var clock: ClockName?
    var epochs: Int
    var given: Accuracy
    var score: Double?
    var points: [Point]

    func isOfSameSearch(as other: Record) -> Bool {
      (currency, clock ?? .thresh, epochs) == (other.currency, other.clock ?? .thresh, other.epochs)
        && given.top1 == other.given.top1
        && given.images == other.given.images && score == other.score
    }
  }

  /// How many sizes are tried at most.
  package static let trials = 6
  /// Sizes that are closer than this factor are not told apart.
  static let resolution = 1.08

  /// What is known of sizes: the smallest that loses little enough, and the largest that loses too much.
  struct Bracket: Equatable {
    var enough = 1.0
    var tooSmall = 0.0

    /// The size to try next; nil when the two are close.
    var next: Double? {
      guard tooSmall > 0 else { return enough / 2 }
      guard enough / tooSmall >= AccuracySearch.resolution else { return nil }
      return (enough * tooSmall).squareRoot()
    }
  }

  /// The smallest size that loses little enough, with every size that was tried.
  ///
  /// - Parameters:
  ///   - steps: what plans, cuts and tunes; its recipe's target is not used.
  ///   - resume: whether sizes that were tried before are taken from the folder.
  /// - Throws: `PlanError` when every size loses too much, what the trials throw.
  package func smallest(
    _ model: Model, on data: Dataset, _ steps: RunSteps, teacher: Network, resume: Bool
  ) throws -> (fraction: Double, points: [Point]) {
    let file = folder.appending(path: "sizes.json")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let given = try outcome(of: model, on: data, steps)
    var record = Record(
      currency: currency, clock: clock, epochs: epochs, given: given.accuracy, score: given.score, points: [])
    // Sizes of another search say nothing about this one.
    let earlier = resume ? FileManager.default.contents(atPath: file.path) : nil
    let found = earlier.flatMap { try? JSONDecoder().decode(Record.self, from: $0) }
    let known = found.map { $0.isOfSameSearch(as: record) ? $0.points : [] } ?? []
    if let found, !found.isOfSameSearch(as: record) {
      steps.observe(.note("the sizes in \(folder.lastPathComponent) are of another search; they are tried anew"))
    }
    if data.validation == nil {
      steps.observe(.warning("no images are held out, so the loss is measured on training images; see `validation`"))
    }
    var bracket = Bracket()
    var points: [Point] = []
    while points.count < Self.trials, let fraction = bracket.next {
      let point =
        try known.first { abs($0.fraction - fraction) < 1e-9 }
        ?? tried(
          fraction, model, on: data, steps, teacher: teacher, given: given,
          resume: !known.isEmpty)
      points.append(point)
      steps.observe(.note(sentence(point)))
      if loses(point) { bracket.tooSmall = fraction } else { bracket.enough = fraction }
      record.points = points
      try AtomicOutput.writeJSON(record, to: file)
    }
    guard bracket.enough < 1 else { throw PlanError(complaint(points)) }
    return (bracket.enough, points)
  }

  /// Whether a size loses more than it may, as far as its images can tell.
  package func loses(_ point: Point) -> Bool { point.drop.map { $0.bound > mostPoints } ?? true }

  private func tried(
    _ fraction: Double, _ model: Model, on data: Dataset, _ steps: RunSteps, teacher: Network, given: Outcome,
    resume: Bool
  ) throws -> Point {
    var steps = steps
    steps.recipe.compression.target = currency.target(fraction)
    steps.recipe.finetuning.epochs = epochs
    var point = Point(fraction: fraction)
    var compressed: Compressed
    do {
      compressed = try steps.compress(model, on: data)
    } catch is PlanError {
      return point
    }
    if epochs > 0 {
      let trial = RunFolder(folder.appending(path: String(format: "%.4f", fraction), directoryHint: .isDirectory))
      _ = try steps.finetune(
        &compressed, on: data, in: trial, keeping: trial.compact, teacher: teacher, resume: resume)
    }
    let found = try outcome(of: compressed.model, on: data, steps)
    let cost = try compressed.model.network.cost()
    (point.accuracy, point.score, point.drop) = (found.accuracy, found.score, found.drop(from: given))
    (point.parameters, point.macs) = (cost.parameters, cost.macs)
    return point
  }

  /// How good a network is.
  private struct Outcome {
    var accuracy: Accuracy
    /// Which images are classified correctly; nil where a command of the user's judges.
    var isCorrect: [Bool]?
    var score: Double?

    /// What is lost against another: of a score, of which nothing is known but itself, that alone.
    func drop(from given: Outcome) -> AccuracyDrop? {
      if let score, let before = given.score {
        return AccuracyDrop(points: before - score, bound: before - score, images: accuracy.images)
      }
      guard let isCorrect, let before = given.isCorrect else { return nil }
      return AccuracyDrop(from: before, to: isCorrect)
    }
  }

  private func outcome(of model: Model, on data: Dataset, _ steps: RunSteps) throws -> Outcome {
    let images = data.selection
    if let score = steps.score {
      return try Outcome(accuracy: steps.accuracy(of: model.network, on: images, of: data), score: score(model))
    }
    steps.observe(.began(part: "evaluating on held-out images", count: images.count, unit: "images"))
    defer { steps.observe(.ended) }
    let found = try model.network.outcomes(
      on: images, of: data, device: steps.device, progress: { steps.observe(.advanced($0)) })
    return Outcome(accuracy: found.accuracy, isCorrect: found.isCorrect)
  }

  private func sentence(_ point: Point) -> String {
    let size = "\(point.fraction.formattedPercent(decimals: 1)) of the \(currency.words)"
    guard let drop = point.drop, let accuracy = point.accuracy else { return "\(size): no plan reaches it" }
    let verdict = loses(point) ? "too much" : "enough is kept"
    if let score = point.score {
      return "\(size): score \(score.inSixDigits), \(drop.points.inSixDigits) lost: \(verdict)"
    }
    return "\(size): \(accuracy.brief) held out, "
      + "\(drop.points.formatted(decimals: 2)) points lost, at most \(drop.bound.formatted(decimals: 2)) by 95 %: \(verdict)"
  }

  private func complaint(_ points: [Point]) -> String {
    let best = points.compactMap(\.drop).min { $0.bound < $1.bound }
    return "every size that was tried loses more than \(mostPoints) points on the held-out images"
      + (best.map { drop in
        ", the best \(drop.points.formatted(decimals: 2)), at most \(drop.bound.formatted(decimals: 2))"
      } ?? "")
      + "; allow more, tune longer (`search-epochs`), or hold out more images (`validation`)"
  }
}

extension AccuracySearch.Currency {
  /// What is counted, in a sentence.
  package var words: String {
    switch self {
    case .macs: "MACs"
    case .parameters: "parameters"
    case .time: "time"
    }
  }
}
