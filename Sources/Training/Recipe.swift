import Compaction
import Torch

/// Everything that decides a run, as one flat YAML file whose keys are the command line's options.
///
/// What a file or the command line leaves out has the default given here; the resolved recipe is kept in the run's
/// folder and in every model file.
public struct Recipe: Sendable, Equatable, Codable {
  /// An architecture's name or a model file.
  public var model = "dec3"
  /// Fraction of an architecture's units to build; for small dense networks to compare with.
  public var width = 1.0
  /// Whether an architecture's square convolutions, but for those in `skip`, are built as vertical and horizontal ones.
  public var decompose = false
  /// Whether convolutions without a batch norm get one that changes nothing; nil where the model is an ONNX file.
  public var restoreBatchNorm: Bool?
  /// Weights to start from.
  public var weights: String?
  /// Whether the layer that makes the classes is replaced by a new one for those of `data`.
  public var newHead = false
  /// A known data set's name or a folder of images.
  public var data = "glyphs"
  public var dataDir: String?
  /// Whether broken images in a folder are left out; otherwise they are refused.
  public var skipBroken = false
  /// The part of the training images that is held out for everything that is selected; 0 holds out none.
  public var validation = 0.1
  public var epochs = 30
  /// Epochs for which the compact network is trained on after it was factorised; 0 leaves the network whole.
  public var finetuneEpochs = 0
  public var batchSize = 128
  public var optimizer = TrainingOptions.Optimizer.sgd
  /// Nil is what is usual for the optimiser and the network; see `resolvingRate`.
  public var lr: Double?
  public var momentum = 0.9
  public var nesterov = true
  public var weightDecay = 5e-4
  /// Weight decay for the compact network; nil is a tenth of `weightDecay`.
  public var finetuneWeightDecay: Double?
  public var schedule = Schedule.Shape.cosine
  public var warmupEpochs = 1.0
  public var labelSmoothing = 0.0
  /// A model to learn from in the whole run; nil is the run's own network before it was cut, for the compact one.
  public var teacher: String?
  /// The teacher's share of the loss, and its temperature; see `Distillation`.
  public var distillation = 0.0
  public var temperature = 4.0
  /// τ and λ; see `Regularizer`. Nil is the default pressure spread over the training; see `resolvingStrengths`.
  public var nuclear: Double?
  public var group: Double?
  /// α, the part of λ that goes to single elements; see `Regularizer`.
  public var sparsity = 0.0
  public var groupNorm = GroupNorm.scale
  public var order = Regularizer.Order.nuclearFirst
  public var scale = Regularizer.Scale.relative
  public var proximalEvery = Regularizer.Frequency.steps(10)
  public var skip: [String]?
  public var strengths: [LayerStrength] = []
  public var restoreNorm = true
  /// Epochs over which the strength grows from zero; nil is half of `epochs`.
  public var strengthWarmup: Double?
  /// Whether the strength follows the wished size, `parameters` and `macs`; nil where a strength was left open.
  public var steer: Bool?
  /// Epochs of the training after which the network is made smaller and goes on; none keeps it whole.
  public var compactAt: [Int] = []
  /// The share of the energy that every layer keeps then; nil is the size that was asked for, or else `energy`.
  public var compactEnergy: Double?
  public var compactMomentum = TrainingCompaction.Momentum.carry
  public var energy = 0.9
  public var energyMeasure = EnergyMeasure.sum
  /// Fractions of the parameters and of the MACs that the compact network keeps at most; neither plans by energy.
  public var parameters: Double?
  public var macs: Double?
  /// Fraction of the time that stays, for batches of that size in that precision on `threads`.
  public var time: Double?
  public var timeBatchSize = 32
  public var timePrecision = Precision.float32
  /// Schemes that layers are factorised in; nil is any where time decides, else the one that is trained.
  public var scheme: DecompositionChoice?
  /// What decides which directions of a layer are kept; nil is what suits the weights, as for `allocation`.
  public var basis: Basis?
  /// Which units go when a size is asked for.
  public var units = RemovableUnits.weakest
  /// How ranks are spread over layers then.
  /// Nil is what suits the weights; see `resolvingPlan`.
  public var allocation: Allocator?
  public var minRank = 1
  public var minUnits = 1
  public var precision = TrainingOptions.Precision.float32
  /// Where the steps run: `cpu`, `cuda` or `cuda:N`.
  public var device = "cpu"
  /// Threads of libtorch; nil takes one for every core.
  public var threads: Int?
  public var seed: UInt64 = 0
  /// Pixels of padding for a random crop, and whether images are mirrored; nil is what suits the data set.
  public var crop: Int?
  public var flip: Bool?
  /// Per-channel mean and standard deviation of the images, 0…1; nil is what suits the weights or the data set.
  public var mean: [Float]?
  public var std: [Float]?
  /// The output that gives the classes, where a file of another program has several.
  public var outputName: String?
  /// Side of the square that photographs are cut to, and what their shorter side is resized to before; nil is what the
  /// model wants, or 224.
  public var imageSize: Int?
  public var imageResize: Int?

  public init() {}
}

extension Recipe {
  /// What training adds to the loss; strengths that are still open count as zero.
  public var regularizer: Regularizer {
    Regularizer(
      nuclear: nuclear ?? 0, group: group ?? 0, sparsity: sparsity, groupNorm: groupNorm, order: order,
      frequency: proximalEvery, scale: scale, skip: skip,
      strengths: strengths, restoresNorm: restoreNorm, warmup: strengthWarmup ?? Double(epochs) / 2)
  }

  /// The size that was asked for; nil is a plan by energy.
  private var sizeTarget: Target? {
    time.map(Target.time) ?? fractions.map(Target.size)
  }

  private var fractions: Target.Fractions? {
    parameters ?? macs == nil ? nil : Target.Fractions(parameters: parameters, macs: macs)
  }

  /// What makes the trained network small.
  public var planSettings: PlanSettings {
    PlanSettings(
      target: sizeTarget ?? .energy(energy), units: units, allocator: allocation ?? .uniform, measure: energyMeasure,
      decompositions: scheme ?? (time == nil ? .trained : .any), minimumRank: minRank, minimumUnits: minUnits)
  }

  /// How many training images' activations a plan looks at: a small part of what measuring batch norm again takes.
  public var activationImages: Int { basis == .activations ? 512 : 0 }

  /// The first, or only, training. When a fine-tuning follows, the rate stays up until there.
  public var training: TrainingOptions {
    var options = options(
      epochs: epochs, Schedule(finetuneEpochs > 0 ? .constant : schedule, warmup: warmupEpochs), regularizer)
    if teacher == nil { options.distillation = nil }
    options.sizeTarget = automaticTarget
    options.compaction = compaction
    return options
  }

  /// The training of the compact network.
  public var finetuning: TrainingOptions {
    var options = options(epochs: finetuneEpochs, Schedule(schedule), .none)
    options.seed = seed &+ 1
    // Weight decay on the two factors of a matrix is a nuclear norm on the matrix: the full decay goes on cutting.
    options.weightDecay = finetuneWeightDecay ?? weightDecay / 10
    return options
  }

  private var compaction: TrainingCompaction? {
    guard !compactAt.isEmpty else { return nil }
    // By energy only units go that carry nothing, and layers take the form that the regulariser trains.
    let byEnergy = PlanSettings(
      target: .energy(compactEnergy ?? energy), measure: energyMeasure, minimumRank: minRank, minimumUnits: minUnits)
    let goesToSize = compactEnergy == nil && sizeTarget != nil
    return TrainingCompaction(
      after: compactAt, goesToSize ? planSettings : byEnergy, activationImages: goesToSize ? activationImages : 0,
      skip: skip,
      momentum: compactMomentum)
  }

  private var automaticTarget: SizeTarget? {
    guard steer ?? false, !regularizer.isNone, let fractions else { return nil }
    return SizeTarget(
      fractions, energy: energy, measure: energyMeasure, units: units,
      minimumRank: minRank, minimumUnits: minUnits, skip: skip)
  }

  private func options(epochs: Int, _ schedule: Schedule, _ regularizer: Regularizer) -> TrainingOptions {
    TrainingOptions(
      epochs: epochs, batchSize: batchSize, learningRate: learningRate, optimizer: optimizer, momentum: momentum,
      nesterov: nesterov, weightDecay: weightDecay, schedule: schedule, labelSmoothing: labelSmoothing,
      precision: precision, seed: seed,
      distillation: distillation > 0 ? Distillation(weight: distillation, temperature: temperature) : nil,
      regularizer: regularizer, energy: energy, energyMeasure: energyMeasure)
  }
}
