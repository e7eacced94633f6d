import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

/// What `train`, `compress` and `demo` are made of: each step on the recipe's device, with its progress shown.
struct RunSteps {
  var recipe: Recipe
  let device: Device
  /// Seconds between checkpoints within an epoch.
  var checkpointInterval = 300.0

  /// - Throws: `RecipeError` when the machine does not have the device.
  init(_ recipe: Recipe) throws {
    self.recipe = recipe
    device = try recipe.computing()
  }

  /// Trains `model` in `folder` and gives the last network, and what was lost on the way to it.
  ///
  /// - Parameters:
  ///   - teacher: the network to learn from where the options say so.
  ///   - startingTop1: the accuracy of `model` in percent, where it is known.
  ///   - willStart: called before anything is written, once the folder's checkpoint is known to belong to this training.
  func train(
    _ model: Model, on data: Dataset, _ options: TrainingOptions, in folder: RunFolder, _ title: String,
    teacher: Network?, startingTop1: Double? = nil, resume: Bool, willStart: @escaping () throws -> Void = {}
  ) throws -> (network: Network, backOffs: [BackOff]) {
    try checkSkip(model.network)
    let display = TrainingDisplay(
      title, epochs: options.epochs, images: data.train.count, batchSize: options.batchSize)
    let stop = StopSignal()
    var trainer = Trainer(options, data, model, in: folder)
    trainer.device = device
    trainer.teacher = teacher
    trainer.startingTop1 = startingTop1
    if recipe.time != nil { trainer.layerClock = TimeCache().clock(recipe.timing) }
    trainer.observe = { display.show($0) }
    trainer.shouldStop = { stop.isAsked }
    trainer.willStart = willStart
    trainer.checkpointInterval = checkpointInterval
    defer { display.clear() }
    let network = try trainer.train(resume: resume)
    return (network, trainer.backOffs)
  }

  /// What `compress` would do, by the recipe; nothing is written.
  func plan(_ network: Network, on data: Dataset?) throws -> Plan {
    try checkSkip(network)
    let display = PartDisplay()
    defer { display.end() }
    return try compression(display).plan(network, on: data)
  }

  /// - Parameters:
  ///   - plan: one from elsewhere; nil makes one by the recipe.
  ///   - whole: what the fraction of a size relates to; nil is `model` itself.
  func compress(
    _ model: Model, on data: Dataset?, by plan: Plan? = nil, recalibrates: Compression.Recalibration = .whenBetter,
    whole: Cost? = nil
  ) throws -> Compressed {
    if plan == nil { try checkSkip(model.network) }
    let display = PartDisplay()
    defer { display.end() }
    var compression = compression(display)
    compression.recalibrates = recalibrates
    compression.compressor.settings.whole = whole
    return try compression.compress(model, on: data, by: plan)
  }

  private func compression(_ display: PartDisplay) -> Compression {
    var compressor = Compressor(recipe.planSettings, skip: recipe.skip)
    if recipe.time != nil { compressor.clock = TimeCache().clock(recipe.timing) }
    var compression = Compression(compressor, seed: recipe.seed)
    compression.device = device
    compression.activationImages = recipe.activationImages
    compression.parts = PartProgress(begin: display.begin, advance: display.advance)
    return compression
  }

  /// Trains the compact network on and takes its best, or says so and keeps what it was when that is better.
  ///
  /// Before that it is written to `file` as it was cut, so that a tuning that fails or is killed does not cost it.
  ///
  /// - Returns: what was lost on the way.
  func finetune(
    _ compressed: inout Compressed, on data: Dataset, in folder: RunFolder, keeping file: URL, teacher: Network,
    resume: Bool
  ) throws -> [BackOff] {
    try folder.create()
    // A tuning that goes on leaves what it finds there, which is at least as good.
    let isKept = resume && FileManager.default.fileExists(atPath: file.path)
    if !isKept { try compressed.model.write(to: file) }
    if recipe.distillation > 0, recipe.teacher == nil, let dense = compressed.stages.first {
      Console.note("teacher: the network before the cut, \(dense.accuracy.percent) held out; --teacher names another")
    }
    let kept = "\(file.relativePath) holds the compact network as it was \(isKept ? "before" : "cut")"
    let backOffs: [BackOff]
    do {
      backOffs = try train(
        compressed.model, on: data, recipe.finetuning, in: folder, "fine-tune", teacher: teacher,
        startingTop1: compressed.accuracy?.top1, resume: resume
      ).backOffs
    } catch TrainingInterruption.diverged(let step, let backOffs, _) {
      throw TrainingInterruption.diverged(step: step, backOffs: backOffs, kept: kept)
    } catch TrainingInterruption.neverFinite(let step, _) {
      throw TrainingInterruption.neverFinite(step: step, kept: kept)
    }
    let tuned = try Model(contentsOf: folder.best)
    let accuracy = try accuracy(of: tuned.network, on: data.selection, of: data)
    compressed.stages.append(CompressionStage(name: "finetuned", accuracy: accuracy))
    if let before = compressed.accuracy, before.top1 > accuracy.top1 {
      let (now, then) = (accuracy.percent, before.percent)
      Console.note(
        "warning: fine-tuning made the network worse, \(now) after \(then); it is kept as it was before; lower --lr")
      return backOffs
    }
    compressed.model.network = tuned.network
    compressed.model.figures.merge(tuned.figures) { old, _ in old }
    return backOffs
  }

  /// - Throws: `RecipeError` when a pattern of `--skip` is the name of no layer, which would leave none out.
  private func checkSkip(_ network: Network) throws {
    let names = network.matrixLayers.map(\.name)
    for pattern in recipe.skip ?? [] where !names.contains(where: Pattern(pattern).matches) {
      let hint = Suggestion.nearest(to: pattern, among: names).map { "did you mean \($0)?" }
      throw RecipeError("--skip is \(pattern), which names no layer; " + (hint ?? "see thresh inspect for their names"))
    }
  }

  func restoringBatchNorm(_ network: Network, _ data: Dataset) throws -> Network {
    let display = PartDisplay()
    defer { display.end() }
    let (batches, size) = (20, 64)
    display.begin("measuring for batch norms", min(data.train.count, batches * size), "images")
    return try network.restoringBatchNorm(
      on: data, batches: batches, batchSize: size, seed: recipe.seed, device: device, progress: display.advance)
  }

  func accuracy(of network: Network, on source: any ImageSource, of data: Dataset) throws -> Accuracy {
    try network.accuracy(on: source, of: data, device: device)
  }

  /// The network that the recipe names as the teacher; nil where it names none.
  ///
  /// - Throws: `NetworkError` when it has other classes or wants its images otherwise than `model`.
  func teacher(for model: Model) throws -> Network? {
    guard let word = recipe.teacher else { return nil }
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
      Console.note(
        "note: the teacher does not name its classes; they are taken in this order: \(model.classNames.shortList)")
    }
    return teacher.network
  }
}

extension Recipe {
  /// What times are measured under where they decide.
  var timing: TimingConditions {
    TimingConditions(batchSize: timeBatchSize, threads: threads ?? Library.threads, precision: timePrecision)
  }

  /// Sets libtorch's threads and gives the device to compute on.
  ///
  /// - Throws: `RecipeError` when the machine does not have it.
  func computing() throws -> Device {
    if let threads { Library.setThreads(threads) }
    // Looking for others loads CUDA's libraries.
    if device == Device.cpu.description { return .cpu }
    let here = Device.available
    guard let device = Device(device), here.contains(device) else {
      throw RecipeError(
        """
        --device is \(device), but found only \(here.map(\.description).joined(separator: ", ")); name one of these, or \
        set up with a CUDA build of libtorch on a machine with a driver
        """)
    }
    return device
  }
}

extension Accuracy {
  fileprivate var percent: String { (top1 / 100).formattedPercent(decimals: 1) }
}
