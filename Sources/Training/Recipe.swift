import Compaction
import Torch

/// Everything that decides a run, as one YAML file of a few sections.
///
/// What a file or the command line leaves out has the default given here, or where that is nil the one that
/// `Defaults.resolve` chooses; the resolved recipe is kept in the run's folder and in every model file.
public struct Recipe: Sendable, Equatable, Codable {
  public var model = ModelRecipe()
  public var data = DataRecipe()
  public var augmentation = AugmentationRecipe()
  public var training = TrainingRecipe()
  public var loss = LossRecipe()
  public var distillation = DistillationRecipe()
  public var regularizer = RegularizerRecipe()
  public var compression = CompressionRecipe()
  public var finetuning = FinetuningRecipe()
  public var machine = MachineRecipe()

  public init() {}
}

/// The network that training starts from, and what a file of another program leaves open.
public struct ModelRecipe: Sendable, Equatable, Codable {
  /// An architecture's name or a model file.
  public var name = "dec3"
  /// Weights to start from.
  public var weights: String?
  /// By how much more or fewer units an architecture is built than usual: below 1 for small dense networks to compare
  /// with, above 1 for one that has something to spare.
  public var width = 1.0
  /// Whether an architecture's square convolutions, but for those in `skip`, are built as vertical and horizontal ones.
  public var decompose = false
  /// Whether convolutions without a batch norm get one that changes nothing; nil where the model is an ONNX file.
  public var restoreBatchNorm: Bool?
  /// Whether the layer that makes the classes is replaced by a new one for those of the data.
  public var newHead = false
  /// Names of layers that are not trained before the network is compressed; `*` stands for anything.
  public var freeze: [String]?
  /// What the rate of all layers but the new classifier is multiplied with.
  public var pretrainedLrScale: Double?
  /// The output that gives the classes, where a file of another program has several.
  public var outputName: String?
  /// What a file of another program reads beside images, as `name=number`: constants from then on.
  public var inputs: [String]?

  public init() {}
}

/// The images, and how a network is shown them.
public struct DataRecipe: Sendable, Equatable, Codable {
  /// A known data set's name or a folder of images.
  public var name = "glyphs"
  /// In its place, a folder with images without labels, in folders of any depth.
  public var images: String?
  /// The folder where the set has to lie.
  public var dataDir: String?
  /// Whether broken images in a folder are left out; otherwise they are refused.
  public var skipBroken = false
  /// The part of every class that is set apart for testing where a folder has training images only.
  public var testShare = 0.1
  /// The part of the training images that is held out for everything that is selected; 0 holds out none.
  public var validation = 0.1
  /// Per-channel mean and standard deviation of the images, 0…1; nil is what suits the weights or the data set.
  public var mean: [Float]?
  public var std: [Float]?
  /// Side of the square that photographs are cut to, and what their shorter side is resized to before; nil is what the
  /// model wants, or 224.
  public var imageSize: Int?
  public var imageResize: Int?
  /// Whether photographs are made to fit and filled up with grey, in place of being cut.
  public var noCrop = false

  public init() {}
}

/// The steps of the first, or only, training, and what the compact network takes over from it.
public struct TrainingRecipe: Sendable, Equatable, Codable {
  public var epochs = 30
  /// Images a batch; nil follows from how many there are.
  public var batchSize: Int?
  /// Batches whose gradients are averaged for one step.
  public var accumulate = 1
  /// Nil follows from the network's norm layers.
  public var optimizer: TrainingOptions.Optimizer?
  /// The learning rate.
  public var lr: Double?
  public var momentum = 0.9
  public var nesterov = true
  public var weightDecay: Double?
  /// The largest ℓ2 norm of all gradients together; 0 takes them as they are, nil follows from the optimiser.
  public var clipNorm: Double?
  /// The decay of a moving average of the weights, in trainings without a regulariser; nil keeps none.
  public var ema: Double?
  public var schedule = Schedule.Shape.cosine
  /// How many cosines `cosine-restarts` has; nil is two.
  public var cycles: Int?
  /// Epochs over which the rate grows from zero; nil follows from the steps.
  public var warmupEpochs: Double?
  /// The epochs without a better held-out accuracy after which an ordinary training or a fine-tuning ends; nil makes
  /// all of them.
  public var patience: Int?
  public var seed: UInt64 = 0

  public init() {}
}

/// What is learnt from a teacher beside the labels; see `Distillation`.
public struct DistillationRecipe: Sendable, Equatable, Codable {
  /// The teacher's share of the loss.
  public var weight: Double?
  /// A model to learn from in the whole run; nil is the run's own network before it was cut, for the compact one.
  public var teacher: String?
  public var temperature = 4.0

  public init() {}
}

/// What makes the network small, while it trains or after.
public struct CompressionRecipe: Sendable, Equatable, Codable {
  /// Fractions of the parameters and of the MACs that the compact network keeps at most.
  public var parameters: Double?
  public var macs: Double?
  /// Fraction of the time that stays, under the machine's conditions.
  public var time: Double?
  /// The share of its energy that every layer keeps where nothing else is asked for.
  public var energy = 0.9
  public var energyMeasure = EnergyMeasure.sum
  /// Decompositions that layers are factorised in.
  public var decomposition: DecompositionChoice?
  /// What decides which directions of a layer are kept.
  public var basis: Basis?
  /// Which units go when a size is asked for, and how ranks are spread over layers then.
  public var units = RemovableUnits.weakest
  public var allocation: Allocator?
  public var minRank = 1
  public var minUnits = 1
  /// Epochs of the training after which the network is made smaller and goes on; none keeps it whole.
  public var compactAt: [Int] = []
  /// The share of the energy that every layer keeps then; nil is the size that was asked for, or else `energy`.
  public var compactEnergy: Double?
  public var compactMomentum = TrainingCompaction.Momentum.carry

  public init() {}
}

/// The training of the compact network.
public struct FinetuningRecipe: Sendable, Equatable, Codable {
  /// Epochs for which the compact network is trained on after it was factorised; 0 leaves the network whole.
  public var epochs = 0
  /// The learning rate; nil is the training's.
  public var lr: Double?
  /// Nil is a tenth of the training's.
  public var weightDecay: Double?

  public init() {}
}

/// What computes.
public struct MachineRecipe: Sendable, Equatable, Codable {
  /// Where the steps run: `cpu`, `cuda` or `cuda:N`.
  public var device = "cpu"
  /// Threads of libtorch; nil leaves them as they are.
  public var threads: Int?
  /// Threads that prepare images; nil takes the cores that libtorch leaves.
  public var workers: Int?
  public var precision = TrainingOptions.Precision.float32
  /// Who tells how long layers take where time decides: `thresh`, `onnxruntime`, `openvino`, or a command.
  public var clock = ClockName.thresh
  /// Images at once, and their precision, where time decides what is compressed.
  public var timeBatchSize = 32
  public var timePrecision = TimingConditions.Precision.float32
  /// Whether every epoch is written for TensorBoard as well.
  public var tensorboard = true

  public init() {}
}
