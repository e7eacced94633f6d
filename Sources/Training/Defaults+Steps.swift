import Foundation

/// What a step of training is: the batch, the optimiser, the rate and how it rises.
extension Defaults {
  /// The settings of the steps with everything chosen that they leave open.
  package static func resolve(_ training: TrainingRecipe, for context: Context) -> TrainingRecipe {
    var result = training
    result.batchSize = training.batchSize ?? batchSize(images: context.images)
    result.optimizer = training.optimizer ?? optimizer(for: context)
    result.lr = training.lr ?? rate(of: result, for: context)
    result.weightDecay = result.usualWeightDecay
    result.clipNorm = training.clipNorm ?? clipNorm(of: result.usualOptimizer)
    if context.trains, let images = context.images {
      let steps = result.stepsPerEpoch(images: images)
      result.warmupEpochs = training.warmupEpochs ?? warmupEpochs(of: training.epochs, steps: steps)
    }
    if training.schedule == .cosineRestarts { result.cycles = training.cycles ?? Schedule.usualCycles }
    return result
  }

  /// Batches that rates are meant for; smaller ones have smaller rates.
  static let usualBatchSize = 128
  /// The steps that an epoch is given where the images allow it.
  static let leastSteps = 50
  /// No default makes smaller batches.
  static let leastBatchSize = 16
  /// The rate takes so many steps to rise, and at least an epoch; but a fifth of the training at most.
  static let warmupSteps = 100.0
  static let largestWarmup = 0.2

  /// The largest of 128, 64, 32 and 16 that makes an epoch 50 steps long; 16 where none does.
  static func batchSize(images: Int?) -> Int {
    guard let images else { return usualBatchSize }
    var size = usualBatchSize
    while size > leastBatchSize, images < leastSteps * size { size /= 2 }
    return size
  }

  /// SGD with momentum, but AdamW for transformers and whatever else has norms of each image only: what the field
  /// trains them with (DeiT-tiny on 240 photographs: 42 % and 28 % by SGD at 0.1, Studies/defaults).
  static func optimizer(for context: Context) -> TrainingOptions.Optimizer {
    context.norms == .layer ? .adamw : .sgd
  }

  /// Of SGD in batches of 128 images: 0.1 under batch norm, whose function does not depend on how large the weights
  /// before it grow; 0.02 without, where 0.1 took a pair of factors to chance (lenet5 on Fashion-MNIST), and for
  /// pretrained weights, which 0.1 makes forget more than a few epochs give back (Studies/ablation). Of AdamW 0.001, and
  /// a tenth of it for pretrained weights.
  ///
  /// A smaller batch has a rate that is smaller by the square root, but for networks without norms, whose rate is small
  /// already: lenet5 learns more of 240 images at 0.02 in batches of 16 than at 0.007, and nothing at 0.0025
  /// (Studies/defaults). Larger batches get no larger rate.
  static func rate(of training: TrainingRecipe, for context: Context) -> Double {
    let share = min(1, Double(training.usualBatchSize * training.accumulate) / Double(usualBatchSize))
    let isRandom = context.origin == .random
    let usual =
      switch training.usualOptimizer {
      case .sgd: context.norms == .batch && isRandom ? 0.1 : 0.02
      case .adamw: isRandom ? 1e-3 : 1e-4
      }
    let isSmall = context.norms == .none && isRandom
    let rate = isSmall ? usual : usual * share.squareRoot()
    // Three digits are enough for a default.
    return Double(String(format: "%.2e", rate)) ?? rate
  }

  /// The usual one: 0.0005 of SGD, 0.01 of AdamW.
  public static func weightDecay(of optimizer: TrainingOptions.Optimizer) -> Double {
    switch optimizer {
    case .sgd: 5e-4
    case .adamw: 1e-2
    }
  }

  /// On a ResNet-20 and 10,000 images it changes nothing (Studies/defaults).
  static func clipNorm(of optimizer: TrainingOptions.Optimizer) -> Double {
    switch optimizer {
    case .sgd: 5
    case .adamw: 1
    }
  }

  /// Epochs over which the rate of a training of so many epochs, each of so many steps, rises.
  static func warmupEpochs(of epochs: Int, steps: Int) -> Double {
    let wanted = max(1, warmupSteps / Double(max(1, steps)))
    let epochs = min(wanted, largestWarmup * Double(epochs))
    return (100 * epochs).rounded() / 100
  }
}
