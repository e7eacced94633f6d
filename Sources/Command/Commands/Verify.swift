import ArgumentParser
import Foundation
import Reports
import Thresh

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare two models of any kind: their outputs, and their predictions for test images.",
    discussion: """
      Example:
        thresh verify run small.onnx --data cifar10

      The exit code is 69 if the largest difference is more than --tolerance of the largest output, or if the two \
      predict different classes for an image whose two best outputs are further apart than that. Where one of the two is \
      of 8 bits, the root of the mean squared difference on the images counts alone.
      """)

  @Argument(help: ArgumentHelp("A model file, a run's folder, an ONNX file.", valueName: "a"))
  var first: String
  @Argument(help: ArgumentHelp("The model to compare it with.", valueName: "b"))
  var second: String
  @OptionGroup var data: DataOptions
  @OptionGroup(title: "Advanced") var reading: ReadingArguments
  @Option(
    help: ArgumentHelp(
      "Largest difference allowed, as a fraction of the largest output (default: 0.0001; 0.01 where weights are "
        + "float16, 0.2 where one is of 8 bits).", valueName: "x"))
  var tolerance: Double?
  @Option(help: ArgumentHelp("Threads of libtorch; all cores by default.", valueName: "n"))
  var threads: Int?
  @Option(help: workersHelp)
  var workers: Int?
  @Flag(help: "Print JSON: difference, images, agreement (percent), ties.")
  var json = false

  struct Report: Encodable {
    /// The largest difference of outputs on random images, of the largest output; where one of the two is of 8 bits,
    /// the root of the mean squared difference on the test images, of that of the outputs.
    var difference = 0.0
    var images: Int?
    /// Percent of the images in which both see the same class.
    var agreement: Double?
    /// Images in which they do not, but whose two best classes are as near as rounding.
    var ties: Int?
  }

  func run() throws {
    if let tolerance, !(tolerance > 0 && tolerance.isFinite) {
      throw RecipeError("--tolerance is \(tolerance), expected a number above 0, such as 0.0001")
    }
    var recipe = Recipe()
    (recipe.machine.threads, recipe.machine.workers) = (threads, workers)
    try recipe.validate()
    _ = try recipe.computing()
    let (a, b) = (try load(first), try load(second))
    // Ranges of 8 bits are made for real images: random ones lie outside.
    let isRounded = a.network.isQuantized != b.network.isQuantized
    let isHalf = [a, b].contains { $0.interface.weightType == .float16 }
    let tolerance = tolerance ?? (isRounded ? 0.2 : isHalf ? 1e-2 : 1e-4)
    var report = Report()
    if isRounded {
      guard data.data != nil else {
        throw RecipeError("one of the two is of 8 bits, which are made for real images; name some with --data")
      }
    } else {
      report.difference = try difference(a, b)
    }
    var disagreements = 0
    if data.data != nil {
      try recipe.adopt(data)
      recipe.data.validation = 0
      try recipe.follow(a, unless: data)
      try recipe.validate()
      if a.preprocessing.mean != b.preprocessing.mean || a.preprocessing.std != b.preprocessing.std {
        Console.note("warning: the two normalise images differently; both get images normalised as \(first) does")
      }
      let set = try recipe.datasetTelling(for: a.preprocessing, parts: .test)
        .preparedTelling(for: a, allowsSubset: true)
      let agreement = try Agreement(a.network, b.network, on: set.test, of: set, tolerance: tolerance)
      report.images = agreement.images
      report.agreement = 100 * Double(agreement.same) / Double(max(1, agreement.images))
      report.ties = agreement.ties
      if isRounded { report.difference = agreement.difference }
      disagreements = agreement.images - agreement.same - agreement.ties
    }
    try show(report, isRounded: isRounded)
    // Rounding to 8 bits may well decide between two classes.
    guard report.difference <= tolerance, isRounded || disagreements == 0 else {
      let whole = isRounded ? "their size" : "the largest"
      throw VerificationError(
        report.difference > tolerance
          ? "outputs differ by \(report.difference) of \(whole), expected at most \(tolerance)"
          : "the two predict different classes for \(disagreements) images, beyond rounding")
    }
  }

  /// The largest difference on random images, of the largest output.
  private func difference(_ a: Model, _ b: Model) throws -> Double {
    let compared = try Difference(between: a.network, and: b.network)
    if let complaint = compared.complaint {
      let sentence = EqualityProof.sentence(complaint, of: "\(first)")
      guard !compared.saysNothing else { throw VerificationError(sentence) }
      Console.note("warning: \(sentence)")
    }
    return compared.relative
  }

  private func load(_ word: String) throws -> Model {
    try ModelSource(word, weights: nil).loadTelling(reading.options(data: data.data))
  }

  private func show(_ report: Report, isRounded: Bool) throws {
    guard !json else { return try Console.json(report) }
    let number = String(format: "%.1e", report.difference)
    Console.print(
      isRounded
        ? "difference \(number) of the outputs (root mean square on the images)"
        : "largest difference \(number) of the largest output")
    guard let images = report.images, let agreement = report.agreement, let ties = report.ties else { return }
    print("same class in \((agreement / 100).formattedPercent(decimals: 2)) of \(images) images, \(ties) ties")
  }
}

/// Two models that should be the same and are not, in a sentence.
struct VerificationError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// On how many images two networks see the same class.
struct Agreement {
  private(set) var images = 0
  private(set) var same = 0
  /// Another class, but the two best of either are nearer than the tolerance.
  private(set) var ties = 0
  /// Sums of squares of the first network's outputs, and of differences.
  private var (squares, errors) = (0.0, 0.0)

  /// The root of the mean squared difference of outputs, of that of the first network's.
  var difference: Double { squares > 0 ? (errors / squares).squareRoot() : .infinity }

  init(
    _ a: Network, _ b: Network, on source: any ImageSource, of data: Dataset, tolerance: Double
  ) throws {
    let batchSize = try min(a.evaluationBatchSize(), b.evaluationBatchSize())
    let runs = try [a, b].map { try Program($0, .inference(batch: batchSize)) }
    var bar = ProgressBar("comparing", total: source.count, unit: "images")
    defer { bar.clear() }
    let loader = BatchLoader(source, .evaluation(data, batchSize: batchSize))
    while let batch = try loader.next() {
      let images = batch.tensors(on: .cpu).images
      let outputs = runs.map { $0(images) }
      if self.images == 0 {
        let some = min(batch.count, InferenceCheck.images(of: source.count))
        for (network, output) in zip([a, b], outputs) {
          try InferenceCheck(network)(
            images.slice(axis: 0, from: 0, to: some), gave: output.slice(axis: 0, from: 0, to: some))
        }
      }
      compare(outputs[0].doubles, outputs[1].doubles, count: batch.count, tolerance: tolerance)
      bar.advance(by: batch.count)
    }
  }

  private mutating func compare(_ a: [Double], _ b: [Double], count: Int, tolerance: Double) {
    let classes = a.count / max(1, count)
    squares += a.reduce(0) { $0 + $1 * $1 }
    errors += zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    for image in 0..<count {
      let range = image * classes..<(image + 1) * classes
      let (x, y) = (Array(a[range]), Array(b[range]))
      images += 1
      let (best, other) = (Self.best(x), Self.best(y))
      if best == other {
        same += 1
      } else if abs(x[best] - x[other]) <= tolerance * (x.map(abs).max() ?? 0) {
        ties += 1
      }
    }
  }

  private static func best(_ logits: [Double]) -> Int {
    logits.indices.max { logits[$0] < logits[$1] } ?? 0
  }
}
