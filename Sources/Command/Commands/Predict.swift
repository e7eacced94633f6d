import ArgumentParser
import Foundation
import Reports
import Thresh

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name the classes of images.",
    discussion: """
      Example:
        thresh predict run photograph.jpg other.png --top 3
        thresh predict run photographs --output predictions.csv
        thresh predict resnet18 --weights resnet18-f37072fd.pth photographs

      Of folders every image in them and below is taken. Images are read, cut and normalised as evaluate does it.
      """)

  @OptionGroup var model: ModelArgument
  @Argument(help: ArgumentHelp("JPEG, PNG, WebP, TIFF, BMP, GIF or PNM files, or folders of them.", valueName: "image"))
  var images: [String]
  @Option(help: ArgumentHelp("How many classes to name for each image.", valueName: "n"))
  var top = 1
  @Option(help: ArgumentHelp("Images at once (default: 250, fewer of large ones).", valueName: "n"))
  var batchSize: Int?
  @Flag(help: "Decode every image first and leave out broken ones (default: a broken image is an error).")
  var skipBroken = false
  @Option(help: ArgumentHelp("Write the predictions to a file instead.", valueName: "file.csv|file.json"))
  var output: String?
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "Print JSON.")
  var json = false

  struct Prediction: Encodable {
    var image: String
    var classes: [Candidate]
  }

  struct Candidate: Encodable {
    var name: String
    var probability: Double
  }

  func run() throws {
    guard top > 0 else { throw RecipeError("--top is \(top), expected 1 or more") }
    if let output { try PredictionFile.check(output, option: "--output") }
    var recipe = Recipe()
    recipe.training.batchSize = batchSize
    try recipe.adopt(compute)
    try recipe.validate()
    let device = try recipe.computing()
    let model = try model.load()
    if !model.isTrained { Console.note("warning: no --weights, so the network predicts untrained") }
    let (height, width) = (model.preprocessing.height, model.preprocessing.width)
    guard height == width else {
      throw NetworkError("the model reads images of \(height)×\(width) pixels; predict can cut out squares only")
    }
    let photographs = try read(model)
    var bar = ProgressBar("predicting", total: photographs.count, unit: "images")
    let found = try model.predictions(
      on: photographs, top: top, batchSize: batchSize, workers: recipe.workers, device: device
    ) { bar.advance(by: $0) }
    bar.clear()
    try check(found, photographs)
    try show(found, photographs, model.classNames)
  }

  private func read(_ model: Model) throws -> ImageFolder {
    var recipe = Recipe()
    recipe.data.skipBroken = skipBroken
    let (photographs, notes) = try recipe.photographs(at: images, for: model.preprocessing, observe: Console.show)
    Console.tell(notes)
    return photographs
  }

  private func check(_ found: Predictions, _ photographs: ImageFolder) throws {
    let broken = found.candidates.firstIndex { $0.contains { !$0.probability.isFinite } }
    guard let broken else { return }
    throw NetworkError(
      "the network's outputs for \(photographs.paths[broken]) are not finite numbers, although its weights are; its "
        + "activations grow too large")
  }

  private func show(_ found: Predictions, _ photographs: ImageFolder, _ names: [String]) throws {
    if let output {
      try PredictionFile(found, of: photographs, classNames: names, tellsClasses: false).write(to: output)
      return print(output)
    }
    let predictions = zip(photographs.paths, found.candidates).map { path, candidates in
      Prediction(
        image: path, classes: candidates.map { Candidate(name: names[$0.label], probability: $0.probability) })
    }
    guard !json else { return try Console.json(predictions) }
    for prediction in predictions {
      let names = prediction.classes.map { "\($0.name) \($0.probability.formattedPercent(decimals: 1))" }
      Console.line("\(prediction.image): \(names.joined(separator: ", "))")
    }
  }
}
