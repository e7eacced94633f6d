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
      """)

  @Argument(help: "A model file or a run's folder.")
  var model: String
  @Argument(help: ArgumentHelp("JPEG, PNG, WebP, TIFF, BMP, GIF or PNM files.", valueName: "image"))
  var images: [String]
  @Option(help: ArgumentHelp("How many classes to name for each image.", valueName: "n"))
  var top = 1
  @OptionGroup(title: "Advanced") var reading: ReadingArguments
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
    let model = try ModelSource(model, weights: nil).loadTelling(reading.options())
    let (height, width) = (model.preprocessing.height, model.preprocessing.width)
    guard height == width else {
      throw NetworkError("the model reads images of \(height)×\(width) pixels; predict can cut out squares only")
    }
    let predictions = try images.map { path in Prediction(image: path, classes: try candidates(path, model)) }
    guard !json else { return try Console.json(predictions) }
    for prediction in predictions {
      let names = prediction.classes.map { "\($0.name) \($0.probability.formattedPercent(decimals: 1))" }
      print("\(prediction.image): \(names.joined(separator: ", "))")
    }
  }

  private func candidates(_ path: String, _ model: Model) throws -> [Candidate] {
    let how = model.preprocessing
    let pixels = try ImageFolder.photograph(
      at: path,
      options: how.photographs(),
      normalization: Normalization(mean: how.mean, std: how.std))
    let shape = model.network.inputShape
    let batch = Tensor(pixels, shape: [1, shape[1], shape[2], shape[0]]).transposed(2, 3).transposed(1, 2).contiguous
    let probabilities = model.probabilities(try model.network(batch)).doubles
    guard probabilities.allSatisfy(\.isFinite) else {
      throw NetworkError(
        "the network's outputs for \(path) are not finite numbers, although its weights are; its activations grow "
          + "too large")
    }
    let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
    return order.prefix(top).map { index in
      let name = model.classNames.indices.contains(index) ? model.classNames[index] : "class \(index)"
      return Candidate(name: name, probability: probabilities[index])
    }
  }
}
