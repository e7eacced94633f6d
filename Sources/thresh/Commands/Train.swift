import ArgumentParser
import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network for compression, or ordinarily with --nuclear 0 --group 0.",
    discussion: """
      Example: train for compression, cut to a tenth of the parameters, train the compact network on:
        thresh train --model dec3 --data chars36 --epochs 20 --finetune-epochs 20 --parameters 0.1 --output run

      The folder holds recipe.yaml, metrics.jsonl, last.safetensors, best.safetensors (what the training gives: the \
      best on the validation part, or the last when trained for compression), the optimiser's state, and with \
      --finetune-epochs compact.safetensors. Ctrl-C saves; --resume goes on.
      """)

  @Option(
    help: ArgumentHelp(
      "An architecture (dec3, lenet5, resnet20…) or a model file (default: dec3).", valueName: "name|file"))
  var model: String?
  @Option(help: ArgumentHelp("Weights to start from, for an architecture given by name.", valueName: "file"))
  var weights: String?
  @Option(help: ArgumentHelp("A YAML file of options; those on the command line come first.", valueName: "file"))
  var recipe: String?
  @OptionGroup var data: DataOptions
  @OptionGroup var training: TrainingRecipeOptions
  @OptionGroup var plan: PlanOptions
  @OptionGroup var threads: ThreadOptions
  @Flag(help: "Go on with the run in the folder.")
  var resume = false
  @Option(help: ArgumentHelp("Folder of the run.", valueName: "folder"))
  var output: String

  func run() throws {
    let folder = RunFolder(URL(filePath: output))
    let recipe = try resolvedRecipe(folder)
    try TrainingRun(recipe, folder, resume: resume).run()
  }

  private func resolvedRecipe(_ folder: RunFolder) throws -> Recipe {
    var resolved = Recipe()
    let isRun = FileManager.default.fileExists(atPath: folder.recipe.path)
    if isRun, !resume {
      throw OutputError("\(output) holds a run already; go on with --resume, or name another --output")
    }
    if isRun { resolved = try Recipe(contentsOf: folder.recipe) }
    if let recipe { resolved = try Recipe(contentsOf: URL(filePath: recipe)) }
    set(&resolved.model, model)
    set(&resolved.data, data.data)
    if let weights { resolved.weights = weights }
    if let dataDir = data.dataDir { resolved.dataDir = dataDir }
    training.apply(to: &resolved)
    plan.apply(to: &resolved)
    if let threads = threads.threads { resolved.threads = threads }
    try resolved.validate()
    return resolved
  }
}

/// A whole run: train, and if asked compress and train the compact network on; then the test set, once.
struct TrainingRun {
  let recipe: Recipe
  let folder: RunFolder
  let resume: Bool
  private let stop = StopSignal()

  init(_ recipe: Recipe, _ folder: RunFolder, resume: Bool) {
    self.recipe = recipe
    self.folder = folder
    self.resume = resume
  }

  /// What a run came to; kept as result.json.
  struct Result: Codable {
    var test: Accuracy
    var parameters: Int
    var macs: Int
    var denseParameters: Int
    var denseMacs: Int
    var stages: [CompressionStage]
    var recalibrated: Bool?
  }

  @discardableResult
  func run() throws -> Result {
    if let threads = recipe.threads { Library.setThreads(threads) }
    let (start, data) = try startingPoint()
    try folder.create()
    let yaml = try recipe.yaml()
    try AtomicOutput.write(yaml, to: folder.recipe)
    var description = start
    description.recipe = yaml
    var trained = description
    trained.network = try train(recipe.training, data, description, in: folder, "train")
    // Ordinary training gives its best network; a network trained for compression gets better at it until the end.
    if recipe.regularizer.isNone { trained = try Model(contentsOf: folder.best) }
    var stages: [CompressionStage] = []
    var recalibrated: Bool?
    if recipe.finetuneEpochs > 0 {
      let compressed = try compress(trained, data)
      (stages, recalibrated) = (compressed.stages, compressed.recalibrated)
      trained = try finetune(compressed.model, data, &stages)
    }
    return try conclude(trained, dense: start, data, stages, recalibrated)
  }

  private func startingPoint() throws -> (Model, Dataset) {
    let source = try ModelSource(recipe.model, weights: recipe.weights)
    guard case .file = source else {
      let data = try recipe.dataset()
      var model = try source.load(for: data, seed: recipe.seed)
      if let mean = recipe.mean, let std = recipe.std {
        (model.preprocessing.mean, model.preprocessing.std) = (mean, std)
      }
      return (model, try data.prepared(for: model))
    }
    var model = try source.load()
    let data = try recipe.dataset(for: model.preprocessing)
    model.figures = [:]
    return (model, try data.prepared(for: model))
  }

  private func train(
    _ options: TrainingOptions, _ data: Dataset, _ model: Model, in folder: RunFolder, _ title: String
  ) throws -> Network {
    let display = TrainingDisplay(
      title, epochs: options.epochs, images: data.train.count, batchSize: options.batchSize)
    var trainer = Trainer(options, data, model, in: folder)
    trainer.observe = { display.show($0) }
    trainer.shouldStop = { stop.isAsked }
    defer { display.clear() }
    return try trainer.train(resume: resume)
  }

  private func compress(_ model: Model, _ data: Dataset) throws -> Compressed {
    let display = PartDisplay()
    defer { display.end() }
    var compression = Compression(Compactor(recipe.planner, skip: recipe.skip), seed: recipe.seed)
    compression.begin = display.begin
    compression.advance = { display.advance($0) }
    let compressed = try compression.compress(model, on: data)
    display.end()
    Console.note(PlanTable.text(compressed))
    return compressed
  }

  private func finetune(_ model: Model, _ data: Dataset, _ stages: inout [CompressionStage]) throws -> Model {
    try folder.finetuning.create()
    _ = try train(recipe.finetuning, data, model, in: folder.finetuning, "fine-tune")
    var tuned = try Model(contentsOf: folder.finetuning.best)
    tuned.figures.merge(model.figures) { _, old in old }
    stages.append(
      CompressionStage(name: "finetuned", accuracy: try tuned.network.accuracy(on: data.selection, of: data)))
    return tuned
  }

  /// Reads the test set, once, and writes what came out.
  private func conclude(
    _ model: Model, dense: Model, _ data: Dataset, _ stages: [CompressionStage], _ recalibrated: Bool?
  ) throws -> Result {
    var model = model
    let test = try model.network.accuracy(on: data.test, of: data)
    let (cost, denseCost) = (try model.network.cost(), try dense.network.cost())
    model.figures["top1"] = test.top1
    model.figures["parameters"] = Double(cost.parameters)
    model.figures["macs"] = Double(cost.macs)
    let file = recipe.finetuneEpochs > 0 ? folder.compact : folder.best
    try model.write(to: file)
    let result = Result(
      test: test, parameters: cost.parameters, macs: cost.macs, denseParameters: denseCost.parameters,
      denseMacs: denseCost.macs, stages: stages, recalibrated: recalibrated)
    try AtomicOutput.writeJSON(result, to: folder.url.appending(path: "result.json"))
    Console.note(
      """
      test  top-1 \((test.top1 / 100).formattedPercent(decimals: 2)) of \(test.images) images, \
      \(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs
      """)
    print(file.path)
    return result
  }
}
