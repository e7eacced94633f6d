import Compaction

extension Recipe {
  /// What makes the trained network small.
  public var planSettings: PlanSettings {
    PlanSettings(
      target: compression.target ?? .energy(compression.energy), units: compression.units,
      allocator: compression.allocation ?? .uniform, measure: compression.energyMeasure,
      decompositions: compression.decomposition ?? (compression.time == nil ? .trained : .any),
      minimumRank: compression.minRank,
      minimumUnits: compression.minUnits)
  }

  /// How many training images' activations a plan looks at: a small part of what measuring batch norm again takes.
  public var activationImages: Int { compression.basis?.needsImages ?? false ? 512 : 0 }

  /// The first, or only, training. When a fine-tuning follows, the rate stays up until there.
  public var trainingOptions: TrainingOptions {
    let shape = finetuning.epochs > 0 ? .constant : training.schedule
    let schedule = training.schedule(shape, warmup: training.warmupEpochs ?? 1)
    var options = options(epochs: training.epochs, schedule, regularization)
    // The network that it was can teach one that is pressed at once, as it does one that is cut.
    if distillation.teacher == nil, regularizer.partial == nil { options.distillation = nil }
    if regularizer.partial != nil {
      options.cutTarget = CutTarget(planSettings, activationImages: activationImages, skip: regularizer.skip)
    }
    options.layerRates.frozen = model.freeze ?? []
    options.layerRates.pretrainedScale = model.pretrainedLrScale ?? 1
    options.sizeTarget = automaticTarget
    options.compaction = compaction
    return options
  }

  /// The training of the compact network.
  public var finetuningOptions: TrainingOptions {
    var options = options(epochs: finetuning.epochs, training.schedule(training.schedule), .none)
    options.seed = training.seed &+ 1
    options.learningRate = finetuning.lr ?? options.learningRate
    // Weight decay on the two factors of a matrix is a nuclear norm on the matrix: the full decay goes on cutting.
    options.weightDecay = finetuning.weightDecay ?? options.weightDecay / 10
    return options
  }

  private var compaction: TrainingCompaction? {
    guard !compression.compactAt.isEmpty else { return nil }
    // By energy only units go that carry nothing, and layers take the form that the regulariser trains.
    let byEnergy = PlanSettings(
      target: .energy(compression.compactEnergy ?? compression.energy), measure: compression.energyMeasure,
      minimumRank: compression.minRank, minimumUnits: compression.minUnits)
    let goesToSize = compression.compactEnergy == nil && compression.target != nil
    return TrainingCompaction(
      after: compression.compactAt, goesToSize ? planSettings : byEnergy,
      activationImages: goesToSize ? activationImages : 0, skip: regularizer.skip, momentum: compression.compactMomentum
    )
  }

  private var automaticTarget: SizeTarget? {
    guard regularizer.automaticStrength ?? false, !regularization.isNone, let fractions = compression.fractions else {
      return nil
    }
    return SizeTarget(
      fractions, energy: compression.energy, measure: compression.energyMeasure, units: compression.units,
      minimumRank: compression.minRank, minimumUnits: compression.minUnits, skip: regularizer.skip)
  }

  private func options(epochs: Int, _ schedule: Schedule, _ regularizer: Regularizer) -> TrainingOptions {
    let weight = distillation.weight ?? 0
    var options = TrainingOptions(
      epochs: epochs, batchSize: training.usualBatchSize, learningRate: training.usualRate,
      optimizer: training.usualOptimizer,
      momentum: training.momentum, nesterov: training.nesterov, weightDecay: training.usualWeightDecay,
      schedule: schedule, labelSmoothing: loss.labelSmoothing, precision: machine.precision, seed: training.seed,
      distillation: weight > 0 ? Distillation(weight: weight, temperature: distillation.temperature) : nil,
      regularizer: regularizer, energy: compression.energy, energyMeasure: compression.energyMeasure)
    options.accumulate = training.accumulate
    options.clipNorm = training.clipNorm == 0 ? nil : training.clipNorm
    options.ema = training.ema
    options.patience = training.patience
    return options
  }
}

extension CompressionRecipe {
  /// What was asked for; nil is a plan by energy.
  public var target: Target? {
    get { time.map(Target.time) ?? fractions.map(Target.size) }
    set {
      (parameters, macs, time) = (nil, nil, nil)
      switch newValue {
      case .energy(let share): energy = share
      case .size(let fractions): (parameters, macs) = (fractions.parameters, fractions.macs)
      case .time(let fraction): time = fraction
      case nil: break
      }
    }
  }

  var fractions: Target.Fractions? {
    parameters ?? macs == nil ? nil : Target.Fractions(parameters: parameters, macs: macs)
  }
}

extension TrainingRecipe {
  // What holds before anything is known of the network and the images.
  var usualBatchSize: Int { batchSize ?? Defaults.batchSize(images: nil) }
  var usualOptimizer: TrainingOptions.Optimizer { optimizer ?? .sgd }
  var usualRate: Double { lr ?? Defaults.rate(of: self, for: Defaults.Context(origin: .random)) }
  var usualWeightDecay: Double { weightDecay ?? Defaults.weightDecay(of: usualOptimizer) }

  /// The optimiser steps of an epoch of so many images.
  public func stepsPerEpoch(images: Int) -> Int {
    let batches = (images + usualBatchSize - 1) / usualBatchSize
    return (batches + accumulate - 1) / accumulate
  }

  /// Cycles belong to one schedule; another that is chosen leaves them behind.
  public mutating func leaveCycles(for shape: Schedule.Shape) {
    if shape != .cosineRestarts { cycles = nil }
  }

  func schedule(_ shape: Schedule.Shape, warmup: Double = 0) -> Schedule {
    Schedule(shape, warmup: warmup, cycles: cycles ?? Schedule.usualCycles)
  }
}
