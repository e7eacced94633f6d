import ArgumentParser
import Foundation
import Reports
import Thresh

struct Compress: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compress a trained network, prove the result equal to the plan, and write one file.",
    discussion: """
      Example: keep a quarter of the parameters, then fine-tune the compact network for 5 epochs:
        thresh compress run --parameters 0.25 --data cifar10 --finetune-epochs 5 --output small.safetensors
      Example: keep at most 0.7 of the time on this machine, for a batch of 32 on two threads:
        thresh compress run --time 0.7 --threads 2 --data cifar10 --output fast.safetensors
      Example: by a plan that was looked at, and edited, before:
        thresh plan run --macs 0.5 --data cifar10 --json > plan.json
        thresh compress run --plan plan.json --data cifar10 --output small.safetensors

      Example: the smallest network that loses at most half a point on the held-out images, then tuned for 8 epochs:
        thresh compress run --max-drop 0.5 --data cifar10 --finetune-epochs 8 --output small.safetensors
      Example: any network of images and a folder of images, without labels:
        thresh compress unet.onnx --images photos --macs 0.5 --finetune-epochs 8 --output small.onnx

      Without --data no images are read, and batch norm stays as it is. With it, batch norm is re-estimated on \
      training images, and the new statistics are kept if they are better on the held-out images (--recalibrate: \
      always). The test set is read once.

      The file is written as soon as the network is compressed, and again after fine-tuning. If fine-tuning diverges, \
      it returns to its last good state with half the learning rate, up to three times; if it still fails, the first \
      file stays.

      With --images the network itself is the teacher: every output is learnt, by its values or, where it scores \
      classes, as probabilities. What is told is how far each output is from the original's, on images set apart: the \
      size of the error by how much the output varies, 0 % where they are equal, and the same in decibels.

      The file is ONNX where its name ends in .onnx, else Thresh's own.
      """)

  @OptionGroup(title: "Main options") var main: MainOptions
  @OptionGroup(title: "Main options") var head: NewHeadOption
  @OptionGroup(title: "Main options") var data: DataOptions
  @OptionGroup(title: "Main options") var unlabelled: UnlabelledOptions
  @OptionGroup(title: "Main options") var training: FinetuningOptions
  @OptionGroup(title: "Main options") var strict: StrictOption
  @OptionGroup(title: "Compression") var accuracy: MaxDropOptions
  @OptionGroup(title: "Compression") var scoring: ScoreOptions
  @OptionGroup var planning: PlanOptions
  @OptionGroup(title: "Augmentation") var augmentation: AugmentationOptions
  @OptionGroup(title: "Machine") var compute: ComputeOptions
  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Advanced") var distillation: DistillationOptions
  @OptionGroup(title: "Advanced") var advancedPlan: AdvancedPlanOptions

  /// What is written, and how.
  struct MainOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
    var output: String
    @Option(
      help: ArgumentHelp(
        "A plan that thresh plan --json printed, possibly edited, instead of the options that make one.",
        valueName: "file"))
    var plan: String?
    @Flag(help: "Keep the re-estimated batch norm statistics in any case.")
    var recalibrate = false
    @Flag(help: "Continue a fine-tuning that was stopped; repeat the command with this option.")
    var resume = false
    @Flag(help: "Print the plan and the figures as JSON.")
    var json = false
  }

  /// What is printed with --json.
  struct Figures: Encodable {
    var parameters: Int
    var macs: Int
    var denseParameters: Int
    var denseMacs: Int
    var plan: Plan
    var proof: EqualityProof
    var stages: [CompressionStage]
    var test: Accuracy?
    /// The sizes that were tried with --max-drop, in their order.
    var search: [AccuracySearch.Point]?
    /// What the command of --score said.
    var scores: Scores?
    /// Where fine-tuning diverged and went on with half the rate; nil where it never did.
    var backOffs: [BackOff]?
    var output: String
  }

  /// What a command of the user's says of the network before and after.
  struct Scores: Encodable, CustomStringConvertible {
    var given: Double
    var compact: Double?
    var finetuned: Double?

    init?(of model: Model, by score: ScoreCommand?) throws {
      guard let score else { return nil }
      given = try score(model)
    }

    var description: String {
      let rest = [("compact", compact), ("finetuned", finetuned)].compactMap { name, value in
        value.map { "\(name) \($0.inSixDigits)" }
      }
      return "score         " + (["given \(given.inSixDigits)"] + rest).joined(separator: ", ")
    }
  }

  func run() throws {
    try AtomicOutput.check(main.output)
    try Model.checkCompact(main.output)
    tellOfInterruptions()
    let plan = try main.plan.map { try givenPlan($0) }
    let source = try model.fileOfRun()
    var model = try model.load(data: data.data, unlabelled)
    var recipe = try givenRecipe(model)
    var data = try (data.data ?? unlabelled.images).map { _ in try recipe.datasetTelling(for: model.preprocessing) }
    recipe = Defaults.resolve(recipe, for: model.compressionContext(recipe, images: data?.train.count))
    var steps = try RunSteps(recipe, observe: Console.show, stopping: Interruption.asked)
    if head.newHead, let data { Console.tell([try model.replaceHead(for: data, seed: recipe.training.seed)]) }
    data = try data?.preparedTelling(for: model)
    if let data {
      model.adoptDescription(of: data)
      try steps.imitate(model, on: data)
    }
    let teacher = try steps.teacher(for: model) ?? model.network
    steps.score = try scoring.command(for: main.output)
    var scores = try Scores(of: model, by: steps.score)
    var searched: AccuracySearch?
    var points: [AccuracySearch.Point] = []
    if let data, let search = try search(recipe) {
      let found = try search.smallest(model, on: data, steps, teacher: teacher, resume: main.resume)
      steps.recipe.compression.target = search.currency.target(found.fraction)
      (searched, points) = (search, found.points)
    }
    var compressed = try steps.compress(
      model, on: data, by: plan, recalibrates: main.recalibrate ? .always : .whenBetter)
    let folder = RunFolder(URL(filePath: main.output + ".finetune", directoryHint: .isDirectory))
    // The network that is cut is not lost either where its own file is to be replaced.
    let file = isInput(main.output) ? folder.compact : URL(filePath: main.output)
    if let score = steps.score {
      // A command that fails does not cost what there is.
      if !main.resume, !isInput(main.output) { try compressed.model.writeCompact(to: file) }
      scores?.compact = try score(compressed.model)
      compressed.model.figures["score"] = scores?.compact
    }
    var test: Accuracy?
    var backOffs: [BackOff] = []
    if let data {
      if recipe.finetuning.epochs > 0 {
        backOffs = try steps.finetune(
          &compressed, on: data, in: folder, keeping: file, teacher: teacher, resume: main.resume)
        scores?.finetuned = compressed.model.figures["score"]
      }
      // The network as the file will have it.
      let final = try steps.accuracy(of: compressed.model.asWritten().network, on: data.test, of: data)
      compressed.model.adoptFigures(final)
      test = final
    }
    try compressed.model.writeCompact(to: URL(filePath: main.output))
    if let searched, !main.json { Console.print(searched.table(points)) }
    try report(compressed, test, backOffs, points, scores, of: source)
    if plan == nil { recipe.noteWeightsDecide(without: data) }
    if let test { try strict.check(test, classes: compressed.model.classNames.count) }
  }

  /// Says, once interrupted, what there is already.
  private func tellOfInterruptions() {
    let output = WatchedFile(main.output)
    let sizes = WatchedFile(main.output + ".search/sizes.json")
    Interruption.keeps {
      if output.isWritten { return "\(output.path) holds the compact network; go on with --resume" }
      return "\(output.path) was not written"
        + (sizes.isWritten ? "; the sizes that were tried are kept, go on with --resume" : "")
    }
  }

  /// The search for a size, where a loss was given in place of one.
  private func search(_ recipe: Recipe) throws -> AccuracySearch? {
    guard let most = accuracy.maxDrop else { return nil }
    let epochs = accuracy.searchEpochs ?? min(1, recipe.finetuning.epochs)
    let trials = AccuracySearch.trials
    let all = trials * epochs + recipe.finetuning.epochs
    let cost = "each tuned for \(epochs) epochs, the one found for \(recipe.finetuning.epochs): at most \(all) in all"
    Console.tell(["up to \(trials) sizes are tried" + (all > 0 ? ", " + cost : "; --finetune-epochs tunes them")])
    return AccuracySearch(
      losing: most, of: accuracy.currency, by: recipe.machine.clock, epochs: epochs,
      in: URL(filePath: main.output + ".search", directoryHint: .isDirectory))
  }

  private var hasImages: Bool { data.data ?? unlabelled.images != nil }

  /// The options that were given and mean nothing without labels.
  private func labelledOptions() throws -> [String] {
    let teaching = try Recipe.given(in: distillation).map { "--\($0)" }
    return teaching + (head.newHead ? ["--new-head"] : []) + (strict.strict ? ["--strict"] : [])
  }

  private func isInput(_ path: String) -> Bool {
    let files = [model.model, distillation.teacher].compactMap(\.self).flatMap { word in
      [URL(filePath: word), RunFolder(URL(filePath: word)).model].compactMap(\.self)
    }
    let output = URL(filePath: path).resolvingSymlinksInPath()
    return files.contains { $0.resolvingSymlinksInPath() == output }
  }

  /// - Throws: `PlanError` when the file holds no plan, `ContainerError` when it cannot be read, `RecipeError` when an
  ///   option was given that the plan replaces, or images are missing that the plan needs.
  private func givenPlan(_ file: String) throws -> Plan {
    if let option = try planning.given(advancedPlan).first {
      throw RecipeError("--plan replaces \(option): the file says what is cut; leave one of the two out")
    }
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw ContainerError("\(file) cannot be read; name a file that thresh plan --json was written to")
    }
    let plan = try Plan(json: bytes, named: file)
    if let images = plan.activationImages, !hasImages {
      throw RecipeError(
        "--plan needs images, since the activations for \(images) decided what is cut; name them with --data or "
          + "--images"
      )
    }
    return plan
  }

  /// What the options and the network's own training say, checked.
  private func givenRecipe(_ model: Model) throws -> Recipe {
    // What the network was trained with says which images were held out and how it is trained on.
    var recipe = try model.compressionRecipe()
    try planning.apply(to: &recipe)
    try unlabelled.check(data, labelledOptions())
    try recipe.adopt(data)
    try recipe.adopt(unlabelled)
    if let schedule = training.schedule { recipe.training.leaveCycles(for: schedule) }
    try recipe.adopt(training)
    try recipe.adopt(augmentation)
    try recipe.adopt(compute)
    try recipe.adopt(distillation)
    try recipe.adopt(advancedPlan)
    recipe.model.newHead = head.newHead
    // Numbers were for the classes that the network had.
    if head.newHead, recipe.loss.classWeights != .balanced { recipe.loss.classWeights = nil }
    // A search plans by size, with the defaults for that.
    if accuracy.maxDrop != nil { recipe.compression.target = accuracy.currency.target(1) }
    try recipe.validate()
    if recipe.finetuning.epochs > 0, !hasImages {
      throw RecipeError("--finetune-epochs needs images; name them with --data or --images")
    }
    if head.newHead, recipe.finetuning.epochs == 0 {
      throw RecipeError("--new-head needs training; give --finetune-epochs too, or use train first")
    }
    if head.newHead, recipe.distillation.weight ?? 0 > 0, recipe.distillation.teacher == nil {
      throw RecipeError("--distillation needs a --teacher with --new-head: the network itself has other classes")
    }
    try planning.checkImages(hasImages)
    try accuracy.check(
      data, unlabelled, try planning.given(advancedPlan), scoring.score, plan: main.plan)
    if main.resume, recipe.finetuning.epochs == 0 {
      throw RecipeError("--resume continues a fine-tuning; give --finetune-epochs too")
    }
    if main.recalibrate, !hasImages {
      throw RecipeError("--recalibrate needs images; name them with --data or --images")
    }
    return recipe
  }

  private func report(
    _ compressed: Compressed, _ test: Accuracy?, _ backOffs: [BackOff], _ points: [AccuracySearch.Point],
    _ scores: Scores?, of source: String?
  ) throws {
    let plan = compressed.plan
    guard !main.json else {
      return try Console.json(
        Figures(
          parameters: plan.predicted.parameters, macs: plan.predicted.macs,
          denseParameters: plan.original.parameters, denseMacs: plan.original.macs, plan: plan,
          proof: compressed.proof, stages: compressed.stages, test: test, search: points.isEmpty ? nil : points,
          scores: scores, backOffs: backOffs.isEmpty ? nil : backOffs, output: main.output))
    }
    Console.print(compressed.text(Console.output, all: "--json"))
    if let test {
      Console.print("test          \(test.inWords(Console.output)) of \(test.images) images")
      if let table = test.outputTable(Console.output, all: "--json") { print(table, terminator: "") }
    }
    if let scores { print(scores) }
    print("written to \(main.output)" + (source.map { ", made of \($0)" } ?? ""))
  }
}
