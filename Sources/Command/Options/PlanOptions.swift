import ArgumentParser
import Thresh

extension Basis: ExpressibleByArgument {}
extension ClockName: ExpressibleByArgument {}
extension EnergyMeasure: ExpressibleByArgument {}
extension Allocator: ExpressibleByArgument {}
extension RemovableUnits: ExpressibleByArgument {}
extension DecompositionChoice: ExpressibleByArgument {}
extension TrainingOptions.Precision: ExpressibleByArgument {}
extension TimingConditions.Precision: ExpressibleByArgument {}

/// What a plan has to reach, in `train`, `compress` and `plan` alike.
struct PlanOptions: ParsableArguments {
  @OptionGroup(title: "Main options") var target: TargetOptions
  @OptionGroup(title: "Compression") var choice: ChoiceOptions

  func apply(to recipe: inout Recipe) throws {
    if target.parameters ?? target.macs ?? target.time ?? choice.energy != nil { recipe.compression.target = nil }
    // Another target than the time of an earlier run leaves that run's clock behind.
    if recipe.compression.target == nil, target.time == nil { recipe.machine.clock = .thresh }
    try recipe.adopt(target)
    try recipe.adopt(choice)
  }

  /// - Throws: `RecipeError` when activations are to decide, but there are no images.
  func checkImages(_ hasImages: Bool) throws {
    guard let basis = choice.basis, basis.needsImages, !hasImages else { return }
    throw RecipeError("--basis \(basis) needs images; name them with --data or --images")
  }

  /// The names of the options that were given, these and `advanced`.
  func given(_ advanced: AdvancedPlanOptions) throws -> [String] {
    let names = try Recipe.given(in: target) + Recipe.given(in: choice) + Recipe.given(in: advanced)
    return names.map { "--\($0)" }
  }
}

/// The size to reach.
struct TargetOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "Fraction of the parameters to keep, 0.5 or 50%, instead of --energy or with --macs.", valueName: "fraction")
  )
  var parameters: Double?
  @Option(
    help: ArgumentHelp(
      "Fraction of the MACs to keep, 0.5 or 50%, instead of --energy or with --parameters.", valueName: "fraction")
  )
  var macs: Double?
  @Option(
    help: ArgumentHelp(
      "Fraction of the time to keep, 0.5 or 50%, instead of --energy: layers are timed on this machine, and stay dense if no "
        + "factors are faster.",
      valueName: "fraction"))
  var time: Double?
  @Option(
    help: ArgumentHelp(
      "Who tells the times of --time: thresh, onnxruntime, openvino, or a command (default: thresh).",
      valueName: "name|command"))
  var clock: ClockName?
}

/// What is chosen, and by what.
struct ChoiceOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("Share of its energy that every layer keeps (default: 0.9).", valueName: "share"))
  var energy: Double?
  @Option(
    help: ArgumentHelp(
      "trained: k×k→1×1, whose matrix the regulariser trains; any: for each layer the best of k×k→1×1, 1×1→k×k, "
        + "k×1→1×k and 1×1→k×k→1×1 (default: trained for compression-trained networks without --time, else any)."
    ))
  var decomposition: DecompositionChoice?
  @Option(
    help: ArgumentHelp(
      "What decides which directions of a layer are kept: its singular values (weights), or the principal "
        + "components of its activations for 512 training images (activations), or those with every layer weighed by "
        + "what its loss does to the outputs (effect). Both need --data (default: weights without a target or for "
        + "compression-trained networks, else activations)."))
  var basis: Basis?
  @Option(
    help: ArgumentHelp(
      "To meet a target, every layer keeps one share of its energy (uniform), or units and ranks are removed where "
        + "that loses least for their cost (global; default: uniform for compression-trained networks, else global)."))
  var allocation: Allocator?
  @Option(
    help: ArgumentHelp(
      "A layer to leave unchanged; * stands for any characters (default: the first convolution and the classifier).",
      valueName: "pattern"))
  var skip: [String] = []
}

/// What is seldom changed.
struct AdvancedPlanOptions: ParsableArguments, Encodable {
  @Option(help: "Energy of a layer: the sum of σ, as in the paper, or of σ², always so for activations (default: sum).")
  var energyMeasure: EnergyMeasure?
  @Option(help: ArgumentHelp("Batch size of --time (default: 32).", valueName: "n"))
  var timeBatchSize: Int?
  @Option(
    help: ArgumentHelp(
      "What the network will be deployed in, for --time; int8 needs another --clock than thresh (default: float32).",
      valueName: "precision"))
  var timePrecision: TimingConditions.Precision?
  @Option(help: "Units to remove: zero (zero units only), or to meet a target the weakest too (default: weakest).")
  var units: RemovableUnits?
  @Option(help: ArgumentHelp("The smallest rank a layer is cut to (default: 1).", valueName: "n"))
  var minRank: Int?
  @Option(help: ArgumentHelp("The fewest units a layer keeps (default: 1).", valueName: "n"))
  var minUnits: Int?
}
