import Architectures
import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Training

/// A run in a folder: train, and if asked compress and train the compact network on; then the test set, once.
///
/// The folder holds the resolved recipe, metrics, checkpoints and models; with the same recipe a run that was stopped
/// goes on where it was.
public struct Session {
  public let folder: RunFolder
  /// Whether the run goes on from the folder's checkpoint, where there is one.
  public let resume: Bool
  private var steps: RunSteps

  private var recipe: Recipe { steps.recipe }

  /// - Parameters:
  ///   - recipe: everything that decides the run.
  ///   - folder: where it is kept; it is made when training starts.
  ///   - checkpointInterval: seconds between checkpoints within an epoch.
  ///   - stopping: called when a training begins; what it gives is asked after every step whether to save and stop.
  ///   - observe: told of everything that happens on the way.
  /// - Throws: `RecipeError` when a value makes no sense or the machine does not have the recipe's device.
  public init(
    _ recipe: Recipe, in folder: URL, resume: Bool = false, checkpointInterval: Double = 300,
    stopping: @escaping () -> () -> Bool = { { false } }, observe: @escaping RunObserver = { _ in }
  ) throws {
    try recipe.validate()
    self.folder = RunFolder(folder)
    self.resume = resume
    var steps = try RunSteps(recipe.readingFiles(), observe: observe, stopping: stopping)
    steps.checkpointInterval = checkpointInterval
    self.steps = steps
  }

  /// What a run came to; kept as result.json.
  public struct Result: Sendable, Codable {
    public var test: Accuracy
    public var parameters: Int
    public var macs: Int
    public var denseParameters: Int
    public var denseMacs: Int
    public var stages: [CompressionStage]
    public var recalibrated: Bool?
    /// Where training, and then fine-tuning, diverged and went on with half the rate, or half the strength; nil where
    /// it never did.
    public var backOffs: [BackOff]?
    public var finetuneBackOffs: [BackOff]?
  }

  /// The model a run gives and what it came to.
  public struct Outcome: Sendable {
    public var model: Model
    public var file: URL
    public var result: Result
  }

  /// The run of the model and the data set that the recipe names.
  ///
  /// - Throws: `TrainingInterruption`, `PlanError`, `CompactionError`, `DatasetError`, `NetworkError`,
  ///   `ContainerError`.
  public func run() throws -> Outcome {
    let (start, data) = try startingPoint()
    return try run(from: start, on: data)
  }

  /// The run of this recipe on a network and images that are there already.
  ///
  /// - Parameters:
  ///   - data: as `Dataset.prepared(for:)` gives it.
  ///   - teacher: what the network learns from beside the labels; nil is what the recipe names.
  public func run(from start: Model, on data: Dataset, teacher: Model? = nil) throws -> Outcome {
    var resolved = self
    resolved.steps.recipe = Defaults.resolve(
      recipe,
      for: Defaults.Context(
        origin: start.isTrained ? .pretrained : .random, network: start.network, images: data.train.count, trains: true)
    )
    // What is compressed later depends on it; a model that was handed over has no name.
    if start.isTrained, !recipe.hasPretrainedWeights { resolved.steps.recipe.model.name = "a trained model" }
    return try resolved.execute(from: start, on: data, teacher?.network)
  }

  private func execute(from start: Model, on data: Dataset, _ given: Network?) throws -> Outcome {
    let own = recipe.regularizer.partial != nil && recipe.distillation.weight ?? 0 > 0 ? start.network : nil
    let teacher = try given ?? steps.teacher(for: start) ?? own
    let yaml = try recipe.yaml()
    var description = start
    description.recipe = yaml
    var trained = description
    var options = recipe.trainingOptions
    if recipe.model.newHead { options.layerRates.new = [try start.network.classifier().name] }
    let evaluated = folder.metricsCount
    // What is refused makes no folder, and replaces no recipe that goes with what is in it.
    let training = try steps.train(
      description, on: data, options, in: folder, RunSteps.training, teacher: teacher, resume: resume,
      willStart: {
        try folder.create()
        try AtomicOutput.write(yaml, to: folder.recipe)
      })
    trained.network = training.network
    trained.isTrained = true
    // Ordinary training gives its best network; a network trained for compression gets better at it until the end.
    if recipe.regularization.isNone { trained = try Model(contentsOf: folder.best) }
    guard recipe.finetuning.epochs > 0 else {
      return try conclude(trained, dense: start, data, nil, lost: training.backOffs)
    }
    var compressed = try compress(trained, data, whole: start.network.cost())
    // What was fine-tuned before belongs to a network that was trained less.
    let isSame = folder.metricsCount == evaluated
    let lost = try steps.finetune(
      &compressed, on: data, in: folder.finetuning, keeping: folder.compact, teacher: teacher ?? trained.network,
      resume: resume && isSame)
    return try conclude(
      compressed.model, dense: start, data, compressed, lost: training.backOffs, whileTuning: lost)
  }

  private func startingPoint() throws -> (Model, Dataset) {
    let source = try ModelSource(recipe.model.name, weights: recipe.model.weights)
    guard case .file = source else {
      let data = try recipe.dataset(observe: steps.observe)
      var model = try source.load(
        for: data, seed: recipe.training.seed, keepsClasses: recipe.model.newHead, recipe.reading)
      tell(data.notes + model.notes)
      if recipe.model.newHead {
        guard recipe.model.weights != nil else {
          throw RecipeError(
            "`new-head` replaces what was trained, but \(recipe.model.name) has random weights; leave it out")
        }
        tell([try model.replaceHead(for: data, seed: recipe.training.seed)])
      }
      if recipe.model.decompose {
        let whole = (recipe.regularizer.skip ?? []).map(Pattern.init)
        model.network = try model.network.decomposed(seed: recipe.training.seed) { name in
          whole.contains { $0.matches(name) }
        }
      }
      model.network = try model.network.scaled(toWidth: recipe.model.width, seed: recipe.training.seed)
      return (model, try prepared(data, for: model))
    }
    guard recipe.model.width == 1 else {
      throw RecipeError("`width` changes an architecture, but \(recipe.model.name) is a trained network; leave it out")
    }
    guard !recipe.model.decompose else {
      throw RecipeError(
        """
        `decompose` builds a new network, but \(recipe.model.name) is a trained one; name an architecture, such as \
        resnet18
        """)
    }
    var options = recipe.reading
    // A size that a model does not take is passed over, and told.
    (options.usualSize, options.imageSize) = (options.imageSize ?? options.usualSize, nil)
    var model = try source.load(options)
    if let size = recipe.data.imageSize {
      do {
        try model.resize(toSide: size, recipe.model.name)
      } catch {
        tell(["\(error)"])
      }
    }
    tell(model.notes)
    let data = try recipe.dataset(for: model.preprocessing, observe: steps.observe)
    tell(data.notes)
    if recipe.model.newHead { tell([try model.replaceHead(for: data, seed: recipe.training.seed)]) }
    model.figures = [:]
    let prepared = try prepared(data, for: model)
    model.adoptDescription(of: data)
    if recipe.model.restoreBatchNorm ?? source.isONNX {
      model.network = try steps.restoringBatchNorm(model.network, prepared)
    }
    return (model, prepared)
  }

  private func tell(_ notes: [String]) {
    for note in notes { steps.observe(.note(note)) }
  }

  /// The data as the model wants it, and what had to be assumed told.
  private func prepared(_ data: Dataset, for model: Model) throws -> Dataset {
    let result = try data.prepared(for: model)
    tell(Array(result.notes.dropFirst(data.notes.count)))
    return result
  }

  private func compress(_ model: Model, _ data: Dataset, whole: Cost? = nil) throws -> Compressed {
    let compressed = try steps.compress(model, on: data, whole: whole)
    steps.observe(.compressed(compressed))
    return compressed
  }

  /// Reads the test set, once, and writes what came out.
  private func conclude(
    _ model: Model, dense: Model, _ data: Dataset, _ compressed: Compressed?, lost: [BackOff] = [],
    whileTuning: [BackOff] = []
  ) throws -> Outcome {
    var model = model
    // The network as its file has it.
    let test = try steps.accuracy(of: model.asWritten().network, on: data.test, of: data)
    let (cost, denseCost) = (try model.network.cost(), try dense.network.cost())
    model.figures["top1"] = test.top1
    model.figures["parameters"] = Double(cost.parameters)
    model.figures["macs"] = Double(cost.macs)
    if cost.parameters != denseCost.parameters {
      model.figures["denseParameters"] = Double(denseCost.parameters)
      model.figures["denseMacs"] = Double(denseCost.macs)
    }
    let file = recipe.finetuning.epochs > 0 ? folder.compact : folder.best
    try model.write(to: file)
    let result = Result(
      test: test, parameters: cost.parameters, macs: cost.macs, denseParameters: denseCost.parameters,
      denseMacs: denseCost.macs, stages: compressed?.stages ?? [], recalibrated: compressed?.recalibrated,
      backOffs: lost.isEmpty ? nil : lost, finetuneBackOffs: whileTuning.isEmpty ? nil : whileTuning)
    try AtomicOutput.write(ReadableJSON.text(result) + "\n", to: folder.url.appending(path: "result.json"))
    steps.observe(.tested(test, cost))
    return Outcome(model: model, file: file, result: result)
  }
}

extension Recipe {
  /// Whether training starts from weights that are there already.
  var hasPretrainedWeights: Bool { model.weights != nil || Catalogue(rawValue: model.name) == nil }

  /// What the weights of a network come from that was trained by this recipe.
  package var origin: Defaults.Context.Origin {
    hasPretrainedWeights || regularizer.isOff || regularizer.partial != nil ? .pretrained : .compressionTrained
  }
}
