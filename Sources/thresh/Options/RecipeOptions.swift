import ArgumentParser
import Compaction
import Foundation
import Training

extension GroupNorm: ExpressibleByArgument {}
extension Regularizer.Order: ExpressibleByArgument {}
extension Regularizer.Scale: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}
extension EnergyMeasure: ExpressibleByArgument {}
extension Allocation: ExpressibleByArgument {}
extension UnitCut: ExpressibleByArgument {}
extension SchemeChoice: ExpressibleByArgument {}
extension TrainingCompaction.Momentum: ExpressibleByArgument {}
extension TrainingOptions.Optimizer: ExpressibleByArgument {}
extension TrainingOptions.Precision: ExpressibleByArgument {}

extension Regularizer.Frequency: ExpressibleByArgument {
  public init?(argument: String) {
    if argument == "epoch" {
      self = .epoch
    } else if let steps = Int(argument), steps > 0 {
      self = .steps(steps)
    } else {
      return nil
    }
  }
}

/// What a plan has to reach, in `train` and `compress` alike.
struct PlanOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Share of its energy that every layer keeps (default: 0.9).", valueName: "share"))
  var energy: Double?

  @Option(help: ArgumentHelp("What energy is: sum of σ, as the paper has it, or of squares (default: sum)."))
  var energyMeasure: EnergyMeasure?

  @Option(help: ArgumentHelp("Fraction of the parameters to keep, instead of --energy.", valueName: "fraction"))
  var parameters: Double?

  @Option(help: ArgumentHelp("Fraction of the MACs to keep, instead of --energy.", valueName: "fraction"))
  var macs: Double?

  @Option(
    help: ArgumentHelp(
      "Fraction of the time to keep, instead of --energy: layers are timed on this machine, and those that factors "
        + "would not make faster stay.",
      valueName: "fraction"))
  var time: Double?

  @Option(help: ArgumentHelp("Images at once where time decides (default: 32).", valueName: "n"))
  var timeBatchSize: Int?

  @Option(help: "float32 or bfloat16 where time decides (default: float32).")
  var timePrecision: TrainingOptions.Precision?

  @Option(
    help: ArgumentHelp(
      "trained: k×k→1×1, whose matrix the regulariser trains; any: for each layer the best of k×k→1×1, 1×1→k×k and "
        + "vertical→horizontal (default: any with --time or where no regulariser trained, else trained)."))
  var scheme: SchemeChoice?

  @Option(help: "Units that go: silent, or to reach a size the weakest too (default: weakest).")
  var units: UnitCut?

  @Option(
    help: ArgumentHelp(
      "To reach a size, every layer keeps one share of its energy (uniform), or units and ranks go where they lose least "
        + "for what they cost (global; default: uniform for a network trained from random weights to be small, else "
        + "global)."))
  var allocation: Allocation?

  @Option(help: ArgumentHelp("The smallest rank a layer is cut to (default: 1).", valueName: "n"))
  var minRank: Int?

  @Option(help: ArgumentHelp("The fewest units a layer keeps (default: 1).", valueName: "n"))
  var minUnits: Int?

  @Option(
    help: ArgumentHelp(
      "A layer to leave alone; * stands for anything (default: the first convolution and the classifier).",
      valueName: "pattern"))
  var skip: [String] = []

  func apply(to recipe: inout Recipe) {
    set(&recipe.energy, energy)
    set(&recipe.energyMeasure, energyMeasure)
    if parameters ?? macs ?? time ?? energy != nil {
      (recipe.parameters, recipe.macs, recipe.time) = (parameters, macs, time)
    }
    set(&recipe.timeBatchSize, timeBatchSize)
    set(&recipe.timePrecision, timePrecision)
    if let scheme { recipe.scheme = scheme }
    set(&recipe.units, units)
    set(&recipe.allocation, allocation)
    set(&recipe.minRank, minRank)
    set(&recipe.minUnits, minUnits)
    if !skip.isEmpty { recipe.skip = skip }
  }
}

/// What the compact network learns from beside the labels, in `train` and `compress` alike.
struct DistillationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Share of the loss that is the distance to a teacher's outputs, 0 to 1 (default: 0).", valueName: "share"))
  var distillation: Double?
  @Option(
    help: ArgumentHelp(
      "The teacher, for the whole run (default: the network before it was cut, for the compact one).",
      valueName: "model"))
  var teacher: String?
  @Option(help: ArgumentHelp("How far the teacher's probabilities are evened out (default: 4).", valueName: "x"))
  var temperature: Double?

  func apply(to recipe: inout Recipe) {
    set(&recipe.distillation, distillation)
    if let teacher { recipe.teacher = teacher }
    set(&recipe.temperature, temperature)
  }
}

/// What `train` alone decides.
struct TrainingRecipeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Share of the training images held out for all that is selected (default: 0.1).", valueName: "share"))
  var validation: Double?
  @Option(help: ArgumentHelp("Fraction of the architecture's units to build (default: 1).", valueName: "fraction"))
  var width: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Build an architecture's k×k convolutions as k×1, ReLU, 1×k, but for those in --skip (default: no).")
  var decompose: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Put a batch norm that changes nothing behind convolutions without one (default: for ONNX files).")
  var restoreBatchNorm: Bool?
  @Option(help: ArgumentHelp("Epochs (default: 30).", valueName: "n"))
  var epochs: Int?
  @Option(help: ArgumentHelp("Then compress and train the compact network on for as many epochs.", valueName: "n"))
  var finetuneEpochs: Int?
  @Option(help: ArgumentHelp("Images a step (default: 128).", valueName: "n"))
  var batchSize: Int?
  @Option(help: "sgd or adamw (default: sgd).")
  var optimizer: TrainingOptions.Optimizer?
  @Option(help: ArgumentHelp("Learning rate (default: 0.1, without batch norm 0.02, for adamw 0.001).", valueName: "x"))
  var lr: Double?
  @Option(help: ArgumentHelp("Momentum (default: 0.9, Nesterov), or β₁ of adamw.", valueName: "x"))
  var momentum: Double?
  @Option(help: ArgumentHelp("Weight decay (default: 0.0005, or 0.01 for adamw).", valueName: "x"))
  var weightDecay: Double?
  @Option(
    help: ArgumentHelp("Weight decay for the compact network (default: a tenth of --weight-decay).", valueName: "x"))
  var finetuneWeightDecay: Double?
  @Option(help: "The rate's way in the last phase: constant, cosine or step (default: cosine).")
  var schedule: Schedule.Shape?
  @Option(help: ArgumentHelp("Epochs over which the rate grows from zero (default: 1).", valueName: "x"))
  var warmupEpochs: Double?
  @Option(help: ArgumentHelp("Label smoothing (default: 0).", valueName: "x"))
  var labelSmoothing: Double?
  @Option(
    help: ArgumentHelp(
      "Strength τ of the nuclear norm; 0 for none (default: chosen for the length of the training).", valueName: "x"))
  var nuclear: Double?
  @Option(
    help: ArgumentHelp(
      "Strength λ of the group lasso; 0 for none (default: chosen for the length of the training).", valueName: "x"))
  var group: Double?
  @Option(
    help: ArgumentHelp(
      "Part of λ that goes to single elements: sparse group lasso, or ℓ1 alone at 1 (default: 0).", valueName: "share"))
  var sparsity: Double?
  @Option(help: "A group's norm: whole, or scale (γ and β where a batch norm follows; default: scale).")
  var groupNorm: GroupNorm?
  @Option(help: "Which proximal operator comes first: nuclear-first or group-first (default: nuclear-first).")
  var order: Regularizer.Order?
  @Option(help: "Whether strengths are relative to each layer or absolute (default: relative).")
  var scale: Regularizer.Scale?
  @Option(help: ArgumentHelp("Steps between proximal steps, or epoch (default: 10).", valueName: "n|epoch"))
  var proximalEvery: Regularizer.Frequency?
  @Option(
    help: ArgumentHelp("Epochs over which the strength grows from zero (default: half of --epochs).", valueName: "x"))
  var strengthWarmup: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Let the strength follow the size wished by --parameters or --macs (default: where a strength is left open).")
  var steer: Bool?
  @Option(
    help: ArgumentHelp(
      "Epoch after which the network is made smaller and goes on training; may be given several times.", valueName: "n")
  )
  var compactAt: [Int] = []
  @Option(
    help: ArgumentHelp("Share of its energy that every layer keeps then (default: --energy).", valueName: "share"))
  var compactEnergy: Double?
  @Option(help: "Whether momenta follow a smaller network by the chain rule: carry or reset (default: carry).")
  var compactMomentum: TrainingCompaction.Momentum?
  @Flag(
    inversion: .prefixedNo,
    help: "Give a weight its norm back after each proximal step where a batch norm follows (default: yes).")
  var restoreNorm: Bool?
  @Option(help: "float32 or bfloat16; weights stay float32 (default: float32).")
  var precision: TrainingOptions.Precision?
  @Option(help: ArgumentHelp("Seed of weights, order and augmentation (default: 0).", valueName: "n"))
  var seed: UInt64?
  @Option(help: ArgumentHelp("Padding of the random crop; what suits the data set by default.", valueName: "pixels"))
  var crop: Int?
  @Flag(inversion: .prefixedNo, help: "Mirror half of the images; what suits the data set by default.")
  var flip: Bool?
  @Option(help: ArgumentHelp("Side of the square that photographs are cut to (default: 224).", valueName: "pixels"))
  var imageSize: Int?

  func apply(to recipe: inout Recipe) {
    set(&recipe.validation, validation)
    set(&recipe.epochs, epochs)
    set(&recipe.finetuneEpochs, finetuneEpochs)
    set(&recipe.batchSize, batchSize)
    if let optimizer { recipe.adopt(optimizer) }
    if let lr { recipe.lr = lr }
    set(&recipe.momentum, momentum)
    if momentum == 0 { recipe.nesterov = false }
    set(&recipe.weightDecay, weightDecay)
    if let finetuneWeightDecay { recipe.finetuneWeightDecay = finetuneWeightDecay }
    set(&recipe.schedule, schedule)
    set(&recipe.warmupEpochs, warmupEpochs)
    set(&recipe.labelSmoothing, labelSmoothing)
    if let nuclear { recipe.nuclear = nuclear }
    if let group { recipe.group = group }
    set(&recipe.width, width)
    set(&recipe.sparsity, sparsity)
    set(&recipe.decompose, decompose)
    if let restoreBatchNorm { recipe.restoreBatchNorm = restoreBatchNorm }
    set(&recipe.groupNorm, groupNorm)
    set(&recipe.order, order)
    set(&recipe.scale, scale)
    set(&recipe.proximalEvery, proximalEvery)
    set(&recipe.restoreNorm, restoreNorm)
    if !compactAt.isEmpty { recipe.compactAt = compactAt }
    if let compactEnergy { recipe.compactEnergy = compactEnergy }
    set(&recipe.compactMomentum, compactMomentum)
    if nuclear != nil, group != nil { recipe.steer = nil }
    if let steer { recipe.steer = steer }
    set(&recipe.precision, precision)
    set(&recipe.seed, seed)
    set(&recipe.imageSize, imageSize)
    if let strengthWarmup { recipe.strengthWarmup = strengthWarmup }
    if let crop { recipe.crop = crop }
    if let flip { recipe.flip = flip }
  }
}

/// Takes an option over when it was given.
func set<Value>(_ target: inout Value, _ given: Value?) {
  if let given { target = given }
}
