import Compaction
import Foundation
import Networks

/// What a recipe leaves open, chosen for the network, the weights and the length of the training at hand.
public enum Defaults {
  /// What a recipe is used for.
  public struct Context: Sendable, Equatable {
    /// What the weights come from.
    public enum Origin: Sendable, Equatable {
      /// They are random, and will be trained.
      case random
      /// They were trained, but not for compression, or not from random ones.
      case pretrained
      /// They were trained for compression from random ones, and so stand in the middle of their training.
      case compressionTrained
    }

    /// What keeps a network's activations in bounds while it trains.
    public enum Norms: Sendable, Equatable {
      case batch
      /// Norms of each image by itself, as transformers have them, and no batch norm.
      case layer
      case none
    }

    public var origin: Origin
    public var norms: Norms
    /// How many images there are to train on; nil where that is not known.
    public var images: Int?
    /// Whether the network is trained before it is compressed, and not compressed at once.
    public var trains: Bool

    public init(origin: Origin, norms: Norms = .batch, images: Int? = nil, trains: Bool = false) {
      (self.origin, self.norms, self.images, self.trains) = (origin, norms, images, trains)
    }

    public init(origin: Origin, network: Network, images: Int?, trains: Bool) {
      let norms = network.nodes.compactMap { $0.operation as? any NormalizingOperation }
      let kind = norms.contains(where: \.keepsStatistics) ? Norms.batch : norms.isEmpty ? .none : .layer
      self.init(origin: origin, norms: kind, images: images, trains: trains)
    }
  }

  /// The recipe with everything chosen that it leaves open; what it says stays.
  public static func resolve(_ recipe: Recipe, for context: Context) -> Recipe {
    var result = recipe
    result.training = resolve(recipe.training, for: context)
    let isPartial = recipe.regularizer.partial != nil
    if isPartial {
      result.regularizer.nuclear = recipe.regularizer.nuclear ?? 0
      result.regularizer.group = recipe.regularizer.group ?? 0
    } else if context.trains, let images = context.images {
      result = resolvingStrengths(result, result.training.stepsPerEpoch(images: images), context.origin)
    }
    let isCompressionTrained = Self.isCompressionTrained(recipe, context)
    result.compression = resolve(recipe.compression, isCompressionTrained: isCompressionTrained)
    let isCutFromTrained = !context.trains || isPartial && context.origin == .pretrained
    let distils = isCutFromTrained && recipe.finetuning.epochs > 0 && !recipe.model.newHead
    result.distillation.weight = recipe.distillation.weight ?? (distils && !isCompressionTrained ? distillation : 0)
    return result
  }

  /// Whether the network that is compressed was, or will have been, trained for it from random weights.
  private static func isCompressionTrained(_ recipe: Recipe, _ context: Context) -> Bool {
    switch context.origin {
    case .random: context.trains && !recipe.regularizer.isOff && recipe.regularizer.partial == nil
    case .pretrained: false
    case .compressionTrained: !context.trains
    }
  }
}

extension Defaults {
  /// The thresholds of a whole training, laid end to end, in units of a layer's mean singular value or group norm.
  ///
  /// Gradients push back all the while, so it takes several times 1 before anything vanishes. Found on dec3 with
  /// chars36: 1 does nothing, 6 leaves a fifth of the parameters, 10 collapses.
  public static let totalRegularization = 6.0
  /// The same for pretrained weights: what took them long to learn, the small rates that they are trained on at do not
  /// give back.
  ///
  /// A pretrained ResNet-20, 6 epochs at 0.01: at 1 it keeps 90.98 of 91.73 % and 447 of 698 ranks hold 90 % of the
  /// energy; at 6 it fell to chance in the second epoch.
  public static let pretrainedTotalRegularization = 1.0
  /// No default lowers by more than this in one step: a training of a few hundred steps has no time to answer.
  public static let largestStep = 0.01
  /// What a compact network learns of its teacher where a finished one was cut (Studies/ablation: 90.0 instead of 89.1
  /// %).
  public static let distillation = 0.7

  /// What decides how much vanishes is λ·Σ lr/(1 − m) over the whole training, so the default λ is the total divided by
  /// that sum: it means the same for any number of images, epochs, rate and momentum. Where a size is the target, the
  /// strength follows it from the same start for all.
  private static func resolvingStrengths(_ recipe: Recipe, _ stepsPerEpoch: Int, _ origin: Context.Origin) -> Recipe {
    guard recipe.regularizer.nuclear == nil || recipe.regularizer.group == nil else { return recipe }
    var result = recipe
    if recipe.compression.fractions != nil {
      result.regularizer.automaticStrength = recipe.regularizer.automaticStrength ?? true
    }
    // The rate, the momentum and the schedule are resolved already.
    let options = recipe.trainingOptions
    let (epochs, rate) = (recipe.training.epochs, recipe.training.usualRate * (recipe.model.pretrainedLrScale ?? 1))
    let lengths = (0..<max(1, epochs * stepsPerEpoch)).map { step in
      let epoch = Double(step) / Double(max(1, stepsPerEpoch))
      return options.proximalStep(at: rate * options.schedule.factor(at: epoch, of: Double(epochs)))
    }
    let isPressedLess = origin != .random && result.regularizer.automaticStrength != true
    let total = isPressedLess ? pretrainedTotalRegularization : totalRegularization
    let strength = min(
      largestStep / options.proximalStep(at: rate), total / max(lengths.reduce(0, +), 1e-12))
    // Four digits are enough for a default, and kinder to whoever reads the recipe.
    let rounded = Double(String(format: "%.3e", strength)) ?? strength
    result.regularizer.nuclear = recipe.regularizer.nuclear ?? rounded
    result.regularizer.group = recipe.regularizer.group ?? rounded
    return result
  }

  /// Weights that were trained for compression from random ones end best by the paper's own means: one share for all
  /// layers, of the unfolding that the regulariser trains. All others keep far more where units and ranks are weighed
  /// layer by layer, in any decomposition, by the activations for images (Studies/allocation, Studies/ablation).
  private static func resolve(_ recipe: CompressionRecipe, isCompressionTrained: Bool) -> CompressionRecipe {
    var result = recipe
    result.allocation = recipe.allocation ?? (isCompressionTrained ? .uniform : .global)
    result.decomposition = recipe.decomposition ?? (isCompressionTrained ? nil : .any)
    // A share of the energy, without a size, is one of the weights'.
    if recipe.target != nil { result.basis = recipe.basis ?? (isCompressionTrained ? .weights : .activations) }
    return result
  }
}
