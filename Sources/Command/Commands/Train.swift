import ArgumentParser
import Foundation
import Thresh

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network for compression, or ordinarily with --plain.",
    discussion: """
      Example: train for compression, compress to a tenth of the parameters, fine-tune the result:
        thresh train --model dec3 --data chars36 --epochs 20 --finetune-epochs 20 --parameters 0.1 --output run
      Example: shorten the training by keeping a third of the MACs after the first epoch:
        thresh train --model dec3 --data chars36 --plain --compact-at 1 --macs 0.3 --output run

      The folder holds recipe.yaml, metrics.jsonl, last.safetensors, best.safetensors (the result: the best on the \
      held-out images, or the last if trained for compression), the optimiser's state, and with --finetune-epochs \
      compact.safetensors. Ctrl-C saves the run; --resume continues it. If a training diverges, it returns to its last \
      good state with half the learning rate, or half the regulariser's strength, up to three times.
      """)

  @OptionGroup(title: "Main options") var main: MainOptions
  @OptionGroup(title: "Main options") var head: NewHeadOption
  @OptionGroup(title: "Main options") var data: DataOptions
  @OptionGroup(title: "Main options") var strict: StrictOption
  @OptionGroup var training: TrainingRecipeOptions
  @OptionGroup var plan: PlanOptions
  @OptionGroup(title: "Machine") var compute: ComputeOptions
  @OptionGroup(title: "Advanced") var reading: ReadingArguments
  @OptionGroup(title: "Advanced") var distillation: DistillationOptions
  @OptionGroup(title: "Augmentation") var augmentation: AugmentationOptions
  @OptionGroup(title: "Advanced") var advanced: AdvancedTrainingOptions
  @OptionGroup(title: "Advanced") var advancedPlan: AdvancedPlanOptions
  @OptionGroup(title: "Advanced") var checkpoints: CheckpointOptions

  struct CheckpointOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Seconds between checkpoints within an epoch.", valueName: "seconds"))
    var checkpointEvery = 300.0
  }

  /// What is trained, and where the run is kept.
  struct MainOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "An architecture (see thresh models) or a model file, ONNX too (default: dec3).", valueName: "name|file"))
    var model: String?
    @Option(help: ArgumentHelp("Weights to start from, for an architecture given by name.", valueName: "file"))
    var weights: String?
    @Option(help: ArgumentHelp("A YAML file of options; options on the command line override it.", valueName: "file"))
    var recipe: String?
    @Flag(help: "Continue the run in the folder.")
    var resume = false
    @Option(help: ArgumentHelp("Folder of the run.", valueName: "folder"))
    var output: String
    @Flag(help: "Print the figures as JSON, as in result.json, and the model's file.")
    var json = false
  }

  struct Report: Encodable {
    var model: String
    var result: Session.Result
  }

  func run() throws {
    let folder = RunFolder(URL(filePath: main.output))
    let recipe = try resolvedRecipe(folder)
    guard (0...1e6).contains(checkpoints.checkpointEvery) else {
      throw RecipeError("--checkpoint-every is \(checkpoints.checkpointEvery), expected 0 to 1000000 seconds")
    }
    tellOfInterruptions(folder)
    let session = try Session(
      recipe, in: folder.url, resume: main.resume, checkpointInterval: checkpoints.checkpointEvery,
      stopping: Interruption.asked,
      observe: Console.show)
    let outcome = try session.run()
    if main.json {
      try Console.json(Report(model: outcome.file.relativePath, result: outcome.result))
    } else {
      print(outcome.file.relativePath)
    }
    try strict.check(outcome.result.test, classes: outcome.model.classNames.count)
  }

  /// Says, once interrupted outside of a training, what there is already.
  private func tellOfInterruptions(_ folder: RunFolder) {
    let (path, checkpoint) = (main.output, folder.optimizer.path)
    Interruption.keeps {
      FileManager.default.fileExists(atPath: checkpoint)
        ? "\(path) holds the run as it was last saved; go on with --resume" : "nothing was written"
    }
  }

  private func resolvedRecipe(_ folder: RunFolder) throws -> Recipe {
    var resolved = Recipe()
    // A recipe without a network is what a run leaves that failed before its first checkpoint.
    let isRun = FileManager.default.fileExists(atPath: folder.recipe.path)
    if !main.resume, FileManager.default.fileExists(atPath: folder.last.path) {
      throw OutputError("\(main.output) holds a run already; continue it with --resume, or name another --output")
    }
    if main.resume, !isRun, (main.recipe ?? main.model ?? data.data) == nil {
      throw RecipeError("\(main.output) holds no run to continue; check --output, or name what to train")
    }
    if isRun, main.resume { resolved = try Recipe(contentsOf: folder.recipe, earlier: .read) }
    if let recipe = main.recipe { resolved = try Recipe(contentsOf: URL(filePath: recipe)) }
    if let model = main.model { resolved.model.name = model }
    if let weights = main.weights { resolved.model.weights = weights }
    if head.newHead { resolved.model.newHead = true }
    try resolved.adopt(data)
    try resolved.adopt(reading)
    try training.apply(to: &resolved)
    try plan.apply(to: &resolved)
    try resolved.adopt(distillation)
    try resolved.adopt(augmentation)
    try resolved.adopt(advanced)
    try resolved.adopt(advancedPlan)
    try resolved.adopt(compute)
    try resolved.validate()
    return resolved
  }
}
