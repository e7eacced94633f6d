import ArgumentParser
import Foundation
import Reports
import Thresh

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure top-1 accuracy and loss on the test images.",
    discussion: """
      Example:
        thresh evaluate resnet20 --weights resnet20-cifar10.safetensors --data cifar10

      A model file contains its normalisation. For weights alone, ImageNet's mean and standard deviation are assumed. \
      --mean and --std override both.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var data: DataOptions
  @Option(help: ArgumentHelp("Images at once.", valueName: "n"))
  var batchSize = 250
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "Print JSON: top1 (percent), loss, images.")
  var json = false

  func run() throws {
    var recipe = Recipe()
    guard data.data != nil else { throw RecipeError("--data is missing; name a data set or a folder of images") }
    try recipe.adopt(data)
    recipe.data.validation = 0
    recipe.training.batchSize = batchSize
    try recipe.adopt(model.reading)
    try recipe.adopt(compute)
    try recipe.validate()
    let device = try recipe.computing()
    let source = try model.source()
    let (model, data) = try load(source, recipe)
    var bar = ProgressBar("evaluating", total: data.test.count, unit: "images")
    let accuracy = try model.network.accuracy(on: data.test, of: data, batchSize: batchSize, device: device) {
      bar.advance(by: $0)
    }
    bar.clear()
    guard accuracy.loss.isFinite else {
      throw NetworkError(
        "the network's loss on these images is not a finite number, although its weights are; its activations grow "
          + "too large")
    }
    guard !json else { return try Console.json(accuracy) }
    print(
      """
      top-1 \((accuracy.top1 / 100).formattedPercent(decimals: 2))   loss \(accuracy.loss.formatted(decimals: 4))   \
      \(accuracy.images) images of \(data.name)
      """)
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
