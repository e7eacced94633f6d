import ArgumentParser
import Thresh

extension ClassWeights: ExpressibleByArgument { public init?(argument: String) { self.init(argument) } }
extension GroupLassoNorm: ExpressibleByArgument {}
extension RandAugment: ExpressibleByArgument { public init?(argument: String) { self.init(argument) } }
extension RandomCrop: ExpressibleByArgument { public init?(argument: String) { self.init(argument) } }
extension Regularizer.Order: ExpressibleByArgument {}
extension Regularizer.Scale: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}
extension Shrinkage.Form: ExpressibleByArgument {}
extension TrainingCompaction.Momentum: ExpressibleByArgument {}
extension TrainingOptions.Optimizer: ExpressibleByArgument {}

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

/// What `train` alone decides.
struct TrainingRecipeOptions: ParsableArguments {
  @OptionGroup(title: "Main options") var common: CommonTrainingOptions
  @OptionGroup(title: "Training") var steps: TrainingStepOptions
  @OptionGroup(title: "Regularizer") var regularizer: RegularizerOptions

  func apply(to recipe: inout Recipe) throws {
    // What was only the usual of another optimiser is so no more.
    if let optimizer = recipe.training.optimizer, recipe.training.weightDecay == Defaults.weightDecay(of: optimizer) {
      recipe.training.weightDecay = nil
    }
    if let schedule = steps.schedule { recipe.training.leaveCycles(for: schedule) }
    if regularizer.nuclear != nil, regularizer.group != nil { recipe.regularizer.automaticStrength = nil }
    try recipe.adopt(common)
    try recipe.adopt(steps)
    try recipe.adopt(regularizer)
    if common.plain {
      if [regularizer.nuclear, regularizer.group, regularizer.partial].contains(where: { $0 ?? 0 > 0 }) {
        throw RecipeError("--plain trains without a regulariser; leave out --nuclear, --group and --partial")
      }
      (recipe.regularizer.nuclear, recipe.regularizer.group, recipe.regularizer.partial) = (0, 0, nil)
      recipe.regularizer.automaticStrength = nil
    }
    if steps.momentum == 0 { recipe.training.nesterov = false }
  }
}

/// What people use first.
struct CommonTrainingOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("Epochs (default: 30).", valueName: "n"))
  var epochs: Int?
  @Option(help: ArgumentHelp("Then compress, and fine-tune the compact network for as many epochs.", valueName: "n"))
  var finetuneEpochs: Int?
  @Option(
    help: ArgumentHelp(
      "Learning rate (default: 0.1 for 128 images a batch, less for fewer; 0.02 without batch norm and from pretrained "
        + "weights; for adamw 0.001, pretrained 0.0001).",
      valueName: "x"))
  var lr: Double?
  @Option(
    help: ArgumentHelp(
      "A layer whose weights are not trained before the network is compressed; * stands for any characters.",
      valueName: "pattern"))
  var freeze: [String] = []
  @Option(
    help: ArgumentHelp(
      "With --new-head: multiply the learning rate of all other layers by this, such as 0.1 (default: 1).",
      valueName: "factor"))
  var pretrainedLrScale: Double?
  @Flag(help: "Ordinary training: --nuclear 0 --group 0.")
  var plain = false
}

/// How the steps are made.
struct TrainingStepOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp("Images a batch (default: 128, down to 16 so that an epoch has 50 steps).", valueName: "n"))
  var batchSize: Int?
  @Option(help: "Optimiser (default: sgd; adamw for transformers).")
  var optimizer: TrainingOptions.Optimizer?
  @Option(help: ArgumentHelp("Momentum (default: 0.9, Nesterov), or β₁ of adamw.", valueName: "x"))
  var momentum: Double?
  @Option(help: ArgumentHelp("Weight decay (default: 0.0005, or 0.01 for adamw).", valueName: "x"))
  var weightDecay: Double?
  @Option(
    help: "Learning rate schedule of the last phase (default: cosine).")
  var schedule: Schedule.Shape?
  @Option(
    help: ArgumentHelp(
      "Epochs over which the rate grows from zero (default: 1, at least 100 steps, at most a fifth of --epochs).",
      valueName: "x"))
  var warmupEpochs: Double?
  @Option(help: ArgumentHelp("Seed of weights, order and augmentation (default: 0).", valueName: "n"))
  var seed: UInt64?
  @Option(help: "What is computed in; weights stay float32 (default: float32).")
  var precision: TrainingOptions.Precision?
}

/// What training adds to the loss.
struct RegularizerOptions: ParsableArguments, Encodable {
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
      "Instead of both: shrink what the plan for --parameters, --macs or --time would cut, and nothing else, by this "
        + "share at every proximal step; 0.1 is a good start.", valueName: "share"))
  var partial: Double?
  @Flag(
    inversion: .prefixedNo,
    help:
      "Let the strength follow the target of --parameters and --macs (default: if a strength is left open).")
  var automaticStrength: Bool?
  @Option(
    help: ArgumentHelp(
      "Epochs over which the strength grows from zero, once the network learns (default: half of --epochs).",
      valueName: "x"))
  var strengthWarmup: Double?
  @Option(
    help: ArgumentHelp(
      "Epoch after which the network is compressed and trained further; may be given several times.", valueName: "n")
  )
  var compactAt: [Int] = []
}

/// What is seldom changed.
struct AdvancedTrainingOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "Share of the training images held out for selection (default: 0.1).", valueName: "share"))
  var validation: Double?
  @Option(
    help: ArgumentHelp(
      "How many times an architecture's usual units to build, 0.5 or 4 (default: 1).", valueName: "factor")
  )
  var width: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Build an architecture's k×k convolutions as k×1, ReLU, 1×k, but for those in --skip (default: no).")
  var decompose: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Insert a batch norm without effect after convolutions that have none (default: for ONNX files).")
  var restoreBatchNorm: Bool?
  @Option(help: ArgumentHelp("Learning rate for the compact network (default: that of --lr).", valueName: "x"))
  var finetuneLr: Double?
  @Option(
    help: ArgumentHelp("Weight decay for the compact network (default: a tenth of --weight-decay).", valueName: "x"))
  var finetuneWeightDecay: Double?
  @Option(
    help: ArgumentHelp(
      "Cycles of --schedule cosine-restarts, each from the full learning rate to zero (default: 2).", valueName: "n"))
  var cycles: Int?
  @Option(
    help: ArgumentHelp(
      "Batches whose gradients are averaged for one step: as one batch of that many times --batch-size, but for batch "
        + "norm, in the memory of one batch (default: 1).", valueName: "n"))
  var accumulate: Int?
  @Option(
    help: ArgumentHelp(
      "Largest ℓ2 norm of all gradients together; larger ones are scaled down to it; 0 for none (default: 5, adamw 1).",
      valueName: "x"))
  var clipNorm: Double?
  @Option(
    help: ArgumentHelp(
      "Keep an exponential moving average of the weights with this decay, such as 0.999, as the result of fine-tuning "
        + "and of ordinary training; training with a regulariser keeps none (default: none).", valueName: "decay"))
  var ema: Double?
  @Option(
    help: ArgumentHelp(
      "End an ordinary training, or the fine-tuning, after so many epochs without a better held-out accuracy (default: "
        + "never).", valueName: "epochs"))
  var patience: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "Write every epoch's figures for TensorBoard into the run's folder too (default: yes).")
  var tensorboard: Bool?
  @Option(help: ArgumentHelp("Label smoothing (default: 0).", valueName: "x"))
  var labelSmoothing: Double?
  @Option(
    help: ArgumentHelp(
      "How much the images of each class weigh in the loss: balanced (by the inverse of their number), numbers in the "
        + "order of the classes, or a file of such numbers (default: all alike).", valueName: "balanced|x,x,…|file"))
  var classWeights: ClassWeights?
  @Option(
    help: ArgumentHelp(
      "Part of λ for single elements: sparse group lasso, or ℓ1 alone at 1 (default: 0).", valueName: "share"))
  var sparsity: Double?
  @Option(help: "A group's norm; scale is that of γ and β where a batch norm follows (default: scale).")
  var groupNorm: GroupLassoNorm?
  @Option(help: "Which proximal operator comes first (default: nuclear-first).")
  var order: Regularizer.Order?
  @Option(help: "What strengths are relative to: each layer, or nothing (default: relative).")
  var scale: Regularizer.Scale?
  @Option(
    help:
      "What --partial takes: of each its share (multiplicative), or the same amount (soft; default: multiplicative)."
  )
  var shrinkage: Shrinkage.Form?
  @Option(help: ArgumentHelp("Steps between proximal steps, or epoch (default: 10).", valueName: "n|epoch"))
  var proximalEvery: Regularizer.Frequency?
  @Option(
    help: ArgumentHelp(
      "Share of its energy that every layer keeps then (default: the target of --macs, --parameters or --time, met "
        + "at the last of these epochs, or else --energy).",
      valueName: "share"))
  var compactEnergy: Double?
  @Option(help: "Whether momenta follow the smaller network, by the chain rule, or start anew (default: carry).")
  var compactMomentum: TrainingCompaction.Momentum?
  @Flag(
    inversion: .prefixedNo,
    help: "Restore the norm of a weight after each proximal step if a batch norm follows (default: yes).")
  var restoreNorm: Bool?
}
