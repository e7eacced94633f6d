import ArgumentParser
import Thresh

/// How the compact network is trained on by `compress`.
struct FinetuningOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("Epochs of fine-tuning the compact network.", valueName: "n"))
  var finetuneEpochs: Int?
  @Option(help: ArgumentHelp("Learning rate of the fine-tuning (default: the run's, or 0.02).", valueName: "x"))
  var lr: Double?
  @Option(
    help: ArgumentHelp(
      "Learning rate schedule of the fine-tuning (default: the run's, or cosine)."))
  var schedule: Schedule.Shape?
  @Option(
    help: ArgumentHelp(
      "Cycles of --schedule cosine-restarts, each from the full learning rate to zero (default: the run's, or 2).",
      valueName: "n"))
  var cycles: Int?
  @Option(
    help: ArgumentHelp(
      "Keep an exponential moving average of the weights with this decay, such as 0.999 (default: none).",
      valueName: "decay"))
  var ema: Double?
  @Option(
    help: ArgumentHelp(
      "End the fine-tuning after so many epochs without a better held-out accuracy (default: never).",
      valueName: "epochs"))
  var patience: Int?
}

/// A measure of the user's own.
struct ScoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A command that prints a number, the larger the better, for a file of the kind of --output: 'python map.py {model}'. "
        + "It runs on the network, on the compact one and after every epoch of fine-tuning, whose best by it is kept.",
      valueName: "command"))
  var score: String?
  @Option(help: ArgumentHelp("After how many seconds --score is ended (default: 3600).", valueName: "seconds"))
  var scoreTimeout: Double?

  /// - Throws: `RecipeError` when the command has no place for the file.
  func command(for output: String) throws -> ScoreCommand? {
    guard let score else {
      if scoreTimeout != nil { throw RecipeError("--score-timeout is of --score; give that too") }
      return nil
    }
    return try ScoreCommand(score, seconds: scoreTimeout ?? 3600, like: output)
  }
}

/// A loss of accuracy as the target, in place of a size.
struct MaxDropOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Find the smallest size that loses at most so many points of top-1 on the held-out images, by a bound of 95 %, or "
        + "so much of the --score, instead of --macs, --parameters or --time.", valueName: "points"))
  var maxDrop: Double?
  @Option(help: "What --max-drop makes small (default: macs).")
  var by: AccuracySearch.Currency?
  @Option(
    help: ArgumentHelp(
      "Epochs of fine-tuning before --max-drop judges a size (default: 1 with --finetune-epochs, else 0).",
      valueName: "n"))
  var searchEpochs: Int?

  var currency: AccuracySearch.Currency { by ?? .macs }

  /// - Throws: `RecipeError` naming the first option that makes no sense.
  func check(_ data: DataOptions, _ unlabelled: UnlabelledOptions, _ given: [String], _ score: String?, plan: String?)
    throws
  {
    guard let maxDrop else {
      for (option, isGiven) in [("--search-epochs", searchEpochs != nil), ("--by", by != nil)] where isGiven {
        throw RecipeError("\(option) is of the search by --max-drop; give that too")
      }
      return
    }
    guard maxDrop >= 0, maxDrop < 100 || score != nil else {
      throw RecipeError("--max-drop is \(maxDrop), expected 0 to 100 points")
    }
    guard (0...1000).contains(searchEpochs ?? 0) else {
      throw RecipeError("--search-epochs is \(searchEpochs ?? 0), expected 0 to 1000")
    }
    guard data.data != nil || unlabelled.images != nil && score != nil else {
      throw RecipeError(
        unlabelled.images == nil
          ? "--max-drop needs images; name them with --data, or with --images and a --score"
          : "--max-drop needs labels, as those of --data, or a --score")
    }
    if plan != nil { throw RecipeError("--max-drop makes plans of its own; leave --plan out") }
    for size in ["--macs", "--parameters", "--time", "--energy"] where given.contains(size) {
      throw RecipeError("--max-drop finds the size itself; leave \(size) out")
    }
  }
}

extension AccuracySearch.Currency: ExpressibleByArgument {}
