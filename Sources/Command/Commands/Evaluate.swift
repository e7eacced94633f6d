import ArgumentParser
import Foundation
import Reports
import Thresh

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure accuracy and loss on the test images, in all or by class.",
    discussion: """
      Example:
        thresh evaluate resnet20 --weights resnet20-cifar10.safetensors --data cifar10
      Example: which classes are recognised worst, what they are taken for, and every prediction as a file:
        thresh evaluate run --data photographs --per-class --confusion confusion.svg --predictions predictions.csv

      A model file contains its normalisation. For weights alone, ImageNet's mean and standard deviation are assumed. \
      --mean and --std override both. Top-5 is reported where there are more than five classes.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var data: DataOptions
  @Option(help: ArgumentHelp("Images at once (default: 250, fewer of large ones).", valueName: "n"))
  var batchSize: Int?
  @Flag(help: "Print accuracy, precision and the most frequent mistake of every class, the worst first.")
  var perClass = false
  @Option(help: ArgumentHelp("Write a plot of which classes are taken for which.", valueName: "file.svg"))
  var confusion: String?
  @Option(
    help: ArgumentHelp("Write the class and the prediction of every image.", valueName: "file.csv|file.json"))
  var predictions: String?
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "Print JSON: top1, top5 (percent), loss, images; with --per-class also classes and confusion.")
  var json = false

  /// What is printed with --json; percent and counts.
  struct Report: Encodable {
    var top1: Double
    /// Where there are more than five classes.
    var top5: Double?
    var loss: Double
    var images: Int
    var classes: [Class]?
    /// By the images' own class, then by the predicted one.
    var confusion: [[Int]]?
  }

  struct Class: Encodable {
    var name: String
    var images: Int
    var accuracy: Double?
    var precision: Double?
    var confusedWith: String?
    var confusions: Int
  }

  func run() throws {
    guard data.data != nil else { throw RecipeError("--data is missing; name a data set or a folder of images") }
    if let confusion { try AtomicOutput.check(confusion) }
    if let predictions { try PredictionFile.check(predictions, option: "--predictions") }
    let recipe = try resolvedRecipe()
    let device = try recipe.computing()
    let source = try model.source()
    let (model, data) = try load(source, recipe)
    var bar = ProgressBar("evaluating", total: data.test.count, unit: "images")
    let found = try model.predictions(
      on: data.test, batchSize: batchSize, workers: data.workers, device: device
    ) { bar.advance(by: $0) }
    bar.clear()
    guard found.accuracy.loss.isFinite else {
      throw NetworkError(
        "the network's loss on these images is not a finite number, although its weights are; its activations grow "
          + "too large")
    }
    let matrix = ConfusionMatrix(found, classNames: data.classNames)
    if let confusion {
      let title = "\(data.name): top-1 \(found.accuracy.brief) of \(data.test.count) images"
      try AtomicOutput.write(matrix.plot(title: title).svg(), to: URL(filePath: confusion))
    }
    if let predictions {
      try PredictionFile(found, of: data.test, classNames: data.classNames).write(to: predictions)
    }
    try show(found, matrix, data)
  }

  private func show(_ found: Predictions, _ matrix: ConfusionMatrix, _ data: Dataset) throws {
    let accuracy = found.accuracy
    let top5 = found.classes > 5 ? found.accuracy(top: 5) : nil
    guard !json else {
      let classes = matrix.rows.map {
        Class(
          name: $0.name, images: $0.images, accuracy: $0.accuracy, precision: $0.precision,
          confusedWith: $0.confusedWith, confusions: $0.confusions)
      }
      return try Console.json(
        Report(
          top1: accuracy.top1 ?? 0, top5: top5, loss: accuracy.loss, images: accuracy.images,
          classes: perClass ? classes : nil, confusion: perClass ? matrix.counts : nil))
    }
    if perClass { print(matrix.table(Console.output, all: "--json")) }
    let parts = [
      accuracy.inWords(),
      top5.map { "top-5 \(($0 / 100).formattedPercent(decimals: 2))" }, "loss \(accuracy.loss.formatted(decimals: 4))",
      "\(accuracy.images) images of \(data.name)",
    ]
    Console.print(parts.compactMap(\.self).joined(separator: "   "))
  }

  private func resolvedRecipe() throws -> Recipe {
    var recipe = Recipe()
    try recipe.adopt(data)
    recipe.data.validation = 0
    recipe.training.batchSize = batchSize
    try recipe.adopt(model.reading)
    try recipe.adopt(compute)
    try recipe.validate()
    return recipe
  }

  private func load(_ source: ModelSource, _ recipe: Recipe) throws -> (Model, Dataset) {
    if case .architecture(_, let weights) = source {
      let data = try recipe.datasetTelling(parts: .test)
      let model = try source.loadTelling(for: data, recipe.reading)
      if weights == nil { Console.note("warning: no --weights, so the network is evaluated untrained") }
      return (model, try data.preparedTelling(for: model, allowsSubset: true))
    }
    let model = try source.loadTelling(recipe.reading)
    var recipe = recipe
    try recipe.follow(model, unless: self.data)
    let data = try recipe.datasetTelling(for: model.preprocessing, parts: .test)
    return (model, try data.preparedTelling(for: model, allowsSubset: true))
  }
}
