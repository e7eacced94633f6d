import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

/// What a run is made of: each step on the recipe's device.
package struct RunSteps {
  package var recipe: Recipe
  let device: Device
  /// Told of everything that happens on the way.
  let observe: RunObserver
  /// Called when a training begins; what it gives is asked after every step whether to save and stop.
  let stopping: () -> () -> Bool
  /// What networks are held against, and learn, where images have no labels.
  private(set) var original: Original?
  /// Says how good a network is where a command of the user's does; then the best fine-tuned network is the best by it.
  package var score: ScoreCommand?
  /// Seconds between checkpoints within an epoch.
  var checkpointInterval = 300.0

  /// - Throws: `RecipeError` when the machine does not have the device.
  package init(
    _ recipe: Recipe, observe: @escaping RunObserver = { _ in },
    stopping: @escaping () -> () -> Bool = { { false } }
  ) throws {
    self.recipe = recipe
    self.observe = observe
    self.stopping = stopping
    device = try recipe.computing()
  }

  /// The title of the phase that a fine-tuning may follow.
  static let training = "train"

  /// Trains `model` in `folder` and gives the last network, and what was lost on the way to it.
  ///
  /// - Parameters:
  ///   - teacher: the network to learn from where the options say so.
  ///   - startingTop1: the accuracy of `model` in percent, where it is known.
  ///   - willStart: called before anything is written, once the folder's checkpoint is known to belong to this
  ///     training.
  func train(
    _ model: Model, on data: Dataset, _ options: TrainingOptions, in folder: RunFolder, _ title: String,
    teacher: Network?, startingTop1: Double? = nil, resume: Bool, willStart: @escaping () throws -> Void = {}
  ) throws -> (network: Network, backOffs: [BackOff]) {
    try checkSkip(model.network)
    try options.layerRates.check(model.network)
    var options = options
    options.classWeights = try recipe.loss.classWeights?.numbers(for: data)
    let isFirst = title == Self.training
    let phase = TrainingPhase(
      name: title, epochs: options.epochs, images: data.train.count, batchSize: options.batchSize,
      epochsAfter: isFirst ? recipe.finetuning.epochs : 0)
    var trainer = Trainer(options, data, model, in: folder)
    trainer.writesEvents = recipe.machine.tensorboard
    trainer.device = device
    trainer.teacher = teacher
    trainer.original = original
    trainer.score = score.map { score in { try score($0) } }
    trainer.startingTop1 = startingTop1
    trainer.layerClock = try layerClock()
    trainer.observe = { observe(phase.event($0)) }
    observe(.expected(epochsExpected(title, options, on: data) + (isFirst ? finetuningExpected(on: data) : [])))
    trainer.shouldStop = stopping()
    trainer.willStart = willStart
    trainer.checkpointInterval = checkpointInterval
    defer { observe(.ended) }
    let network = try trainer.train(resume: resume)
    return (network, trainer.backOffs)
  }

  /// Where images have no labels, takes the model as it is for what others are to be like, and tells how.
  ///
  /// - Throws: as `Original` does.
  package mutating func imitate(_ model: Model, on data: Dataset) throws {
    guard !data.hasLabels else { return }
    let count = min(Original.images, data.train.count)
    observe(.began(part: "measuring the original's outputs", count: count, unit: "images"))
    let original = try Original(model, on: data, recipe.loss, device: device) { observe(.advanced($0)) }
    observe(.ended)
    for note in original.notes { observe(.note(note)) }
    self.original = original
  }

  /// The plan for `network` by the recipe; nothing is changed.
  package func plan(_ network: Network, on data: Dataset?) throws -> Plan {
    defer { observe(.ended) }
    try checkSkip(network)
    return try compression().plan(network, on: data)
  }

  /// - Parameters:
  ///   - plan: one from elsewhere; nil makes one by the recipe.
  ///   - whole: what the fraction of a size relates to; nil is `model` itself.
  package func compress(
    _ model: Model, on data: Dataset?, by plan: Plan? = nil, recalibrates: Compression.Recalibration = .whenBetter,
    whole: Cost? = nil
  ) throws -> Compressed {
    defer { observe(.ended) }
    if plan == nil { try checkSkip(model.network) }
    if let data { observe(.expected(expected(for: model, on: data))) }
    var compression = try compression()
    compression.recalibrates = recalibrates
    compression.compressor.settings.whole = whole
    return try compression.compress(model, on: data, by: plan)
  }

  /// The model in 8 bits, by the ranges of its values for so many training images.
  package func quantize(
    _ model: Model, on data: Dataset, _ settings: QuantizationSettings, images: Int
  ) throws -> Quantized {
    defer { observe(.ended) }
    var quantization = Quantization(settings, seed: recipe.training.seed)
    quantization.images = images
    quantization.device = device
    quantization.parts = PartProgress(observe)
    return try quantization.quantize(model, on: data)
  }

  /// Trains a quantised model on, its rounding included, and keeps it where that made it better.
  ///
  /// - Parameter teacher: the network that it was made of.
  package func finetune(
    _ quantized: inout Quantized, on data: Dataset, in folder: RunFolder, teacher: Network
  ) throws {
    quantized.model = try finetuned(quantized.model, on: data, in: folder, teacher: teacher)
    // What is trained on is rounded again, as its file will have it.
    quantized.model.network = quantized.model.network.roundingParameters()
    let accuracy = try accuracy(of: quantized.model.network, on: data.selection, of: data)
    quantized.stages.append(CompressionStage(name: "finetuned", accuracy: accuracy))
  }

  /// What tells the times where they decide; nil where they do not.
  private func layerClock() throws -> LayerClock? {
    guard recipe.compression.time != nil else { return nil }
    return try TimeCache().clock(recipe.timing, by: recipe.machine.clock, observe: observe)
  }

  private func compression() throws -> Compression {
    var compressor = Compressor(recipe.planSettings, skip: recipe.regularizer.skip)
    compressor.clock = try layerClock()
    var compression = Compression(compressor, seed: recipe.training.seed)
    compression.device = device
    compression.activationImages = recipe.activationImages
    compression.weighsEffects = recipe.compression.basis == .effect
    compression.parts = PartProgress(observe)
    compression.original = original
    return compression
  }

  /// Trains the compact network on and takes its best, or says so and keeps what it was when that is better.
  ///
  /// Before that it is written to `file` as it was cut, so that a tuning that fails or is killed does not cost it.
  ///
  /// - Returns: what was lost on the way.
  package func finetune(
    _ compressed: inout Compressed, on data: Dataset, in folder: RunFolder, keeping file: URL, teacher: Network,
    resume: Bool
  ) throws -> [BackOff] {
    try folder.create()
    // A tuning that goes on leaves what it finds there, which is at least as good.
    let isKept = resume && FileManager.default.fileExists(atPath: file.path)
    if !isKept { try compressed.model.writeCompact(to: file) }
    if original == nil, recipe.distillation.weight ?? 0 > 0, recipe.distillation.teacher == nil,
      let dense = compressed.stages.first
    {
      // Under the partial regulariser it is the network that training started from, as it was.
      let which =
        recipe.regularizer.partial == nil
        ? "the network before the cut, \(dense.accuracy.brief) held out" : "the network that training started from"
      observe(.note("teacher: \(which); `teacher` names another"))
    }
    let kept = "\(file.relativePath) holds the compact network as it was \(isKept ? "before" : "cut")"
    let backOffs: [BackOff]
    do {
      backOffs = try train(
        compressed.model, on: data, recipe.finetuningOptions, in: folder, "fine-tune", teacher: teacher,
        startingTop1: compressed.accuracy?.top1, resume: resume
      ).backOffs
    } catch TrainingInterruption.diverged(let step, let backOffs, _) {
      throw TrainingInterruption.diverged(step: step, backOffs: backOffs, kept: kept)
    } catch TrainingInterruption.neverFinite(let step, _) {
      throw TrainingInterruption.neverFinite(step: step, kept: kept)
    }
    let accuracy = try adoptBest(of: folder, &compressed.model, before: compressed.accuracy, on: data)
    compressed.stages.append(CompressionStage(name: "finetuned", accuracy: accuracy))
    return backOffs
  }

  /// A compact model trained on, or the same where that made it worse.
  func finetuned(_ model: Model, on data: Dataset, in folder: RunFolder, teacher: Network) throws -> Model {
    try folder.create()
    let before = try accuracy(of: model.network, on: data.selection, of: data)
    _ = try train(
      model, on: data, recipe.finetuningOptions, in: folder, "fine-tune", teacher: teacher, startingTop1: before.top1,
      resume: false)
    var result = model
    _ = try adoptBest(of: folder, &result, before: before, on: data)
    return result
  }

  /// Takes the best network of a fine-tuning, or says that it is worse than before and leaves the model.
  private func adoptBest(
    of folder: RunFolder, _ model: inout Model, before: Accuracy?, on data: Dataset
  ) throws -> Accuracy {
    let tuned = try Model(contentsOf: folder.best)
    let accuracy = try accuracy(of: tuned.network, on: data.selection, of: data)
    let scores = (now: tuned.figures["score"], then: model.figures["score"])
    var worse = before.flatMap { accuracy.isWorse(than: $0) ? (now: accuracy.brief, then: $0.brief) : nil }
    if let now = scores.now, let then = scores.then {
      worse = now < then ? (now: "a score of \(now.inSixDigits)", then: then.inSixDigits) : nil
    }
    if let (now, then) = worse {
      observe(
        .warning("fine-tuning made the network worse, \(now) after \(then); it is kept as it was before; lower `lr`"))
      return accuracy
    }
    model.network = tuned.network
    model.figures.merge(tuned.figures) { old, _ in old }
    model.figures["score"] = scores.now
    return accuracy
  }

  /// - Throws: `RecipeError` when a pattern of `skip` is the name of no layer, which would leave none out.
  private func checkSkip(_ network: Network) throws {
    let names = network.matrixLayers.map(\.name)
    if let misfit = Pattern.misfit(recipe.regularizer.skip ?? [], among: names) {
      throw RecipeError("`skip` \(misfit)")
    }
  }

  func restoringBatchNorm(_ network: Network, _ data: Dataset) throws -> Network {
    let images = StatisticsSample.forRestoring.images(of: data.train.count)
    observe(.began(part: "measuring for batch norms", count: images, unit: "images"))
    defer { observe(.ended) }
    return try network.restoringBatchNorm(
      on: data, seed: recipe.training.seed, device: device,
      progress: { observe(.advanced($0)) })
  }

  package func accuracy(of network: Network, on source: any ImageSource, of data: Dataset) throws -> Accuracy {
    try network.accuracy(on: source, of: data, like: original, device: device)
  }

  /// The network that the recipe names as the teacher; nil where it names none.
  ///
  /// - Throws: `NetworkError` when it has other classes or wants its images otherwise than `model`.
  package func teacher(for model: Model) throws -> Network? {
    guard let word = recipe.distillation.teacher else { return nil }
    let source = try ModelSource(word, weights: nil)
    guard case .file = source else {
      throw NetworkError("the teacher \(word) is an architecture; name a model file or the folder of a run")
    }
    var options = recipe.reading
    options.usualSize = model.network.inputShape[1]
    options.imageSize = nil
    // A model file says itself how it wants its images.
    if !source.isONNX { (options.mean, options.std) = (nil, nil) }
    let teacher = try source.load(options)
    for note in teacher.notes { observe(.note(note)) }
    // Both see the same images, however their photographs were cut.
    var wanted = teacher.preprocessing
    wanted.resize = model.preprocessing.resize
    guard wanted == model.preprocessing else {
      throw NetworkError(
        "the teacher \(word) was trained on images of another size or normalisation; name one trained on the same data")
    }
    let match = ClassMatch(model: teacher.classNames, data: model.classNames)
    if !match.isSame {
      guard !(teacher.namesClasses && model.namesClasses), teacher.classNames.count == model.classNames.count else {
        let found = match.labels == nil || !match.missing.isEmpty ? "other classes" : "its classes in another order"
        throw NetworkError("the teacher \(word) has \(found); name one trained on the same data")
      }
      observe(
        .note("the teacher does not name its classes; they are taken in this order: \(model.classNames.shortList)"))
    }
    return teacher.network
  }
}
