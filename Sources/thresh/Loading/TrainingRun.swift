import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

/// A whole run: train, and if asked compress and train the compact network on; then the test set, once.
struct TrainingRun {
  private(set) var recipe: Recipe
  let folder: RunFolder
  let resume: Bool
  /// Seconds between checkpoints within an epoch.
  var checkpointInterval = 300.0
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

  /// The model a run gives and what it came to.
  struct Outcome {
    var model: Model
    var file: URL
    var result: Result
  }

  func run() throws -> Outcome {
    if let threads = recipe.threads { Library.setThreads(threads) }
    let (start, data) = try startingPoint()
    return try run(from: start, on: data)
  }

  /// The run of this recipe on a network and images that are there already.
  func run(from start: Model, on data: Dataset) throws -> Outcome {
    let steps = (data.train.count + recipe.batchSize - 1) / recipe.batchSize
    // A copy, not a new run: that would listen to Ctrl-C a second time.
    var resolved = self
    resolved.recipe = recipe.resolvingStrengths(stepsPerEpoch: steps)
    return try resolved.execute(from: start, on: data)
  }

  private func execute(from start: Model, on data: Dataset) throws -> Outcome {
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

  /// The part of a run that comes after training: compress and read the test set.
  func compressOnly(_ model: Model, on data: Dataset) throws -> Outcome {
    try folder.create()
    try AtomicOutput.write(try recipe.yaml(), to: folder.recipe)
    let compressed = try compress(model, data)
    return try conclude(compressed.model, dense: model, data, compressed.stages, compressed.recalibrated)
  }

  private func startingPoint() throws -> (Model, Dataset) {
    let source = try ModelSource(recipe.model, weights: recipe.weights)
    guard case .file = source else {
      let data = try recipe.dataset()
      var model = try source.load(for: data, seed: recipe.seed)
      if recipe.width < 1 { model.network = try model.network.thinned(to: recipe.width) }
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
    trainer.checkpointInterval = checkpointInterval
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
  ) throws -> Outcome {
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
    return Outcome(model: model, file: file, result: result)
  }
}
