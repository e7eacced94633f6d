import Compaction
import Torch

/// How a network is trained: everything but the network and the data.
public struct TrainingOptions: Sendable, Codable, Equatable {
  public var epochs: Int
  public var batchSize: Int
  public var learningRate: Double
  public var optimizer: Optimizer
  /// m of SGD, β₁ of AdamW.
  public var momentum: Double
  public var nesterov: Bool
  /// Weight decay on every trainable parameter, as PyTorch's SGD (ℓ2) or AdamW (decoupled) has it.
  public var weightDecay: Double
  /// Batches whose gradients are averaged for one optimiser step; the last of an epoch may have fewer.
  public var accumulate = 1
  /// The largest ℓ2 norm of all gradients together that a step is made with; nil takes them as they are.
  public var clipNorm: Double?
  /// The decay of an exponential moving average of the weights, which is what training gives then; nil keeps none. A
  /// training with a regulariser keeps none either: what proximal steps make zero would not be zero in an average.
  public var ema: Double?
  /// Which layers are trained, and at what part of the rate.
  public var layerRates = LayerRates()
  /// The epochs without a better held-out accuracy after which an ordinary training ends; nil makes all of them.
  public var patience: Int?
  public var schedule: Schedule
  public var labelSmoothing: Double
  /// How much the images of each class weigh in the loss; nil weighs all alike.
  public var classWeights: [Double]?
  public var precision: Precision
  public var seed: UInt64
  /// How much is learnt from a teacher, where the trainer has one.
  public var distillation: Distillation?
  public var regularizer: Regularizer
  /// The size that the regulariser's strength is to lead to; nil leaves the strength as it is.
  public var sizeTarget: SizeTarget?
  /// The cut that the partial regulariser leads to.
  public var cutTarget: CutTarget?
  /// When the network is made smaller on the way; nil keeps it whole.
  public var compaction: TrainingCompaction?
  /// The share of the energy at which ranks are predicted while training.
  public var energy: Double
  public var energyMeasure: EnergyMeasure

  /// The rule of the gradient steps.
  public enum Optimizer: String, Sendable, Codable, CaseIterable { case sgd, adamw }

  /// The optimiser steps of so many batches of an epoch.
  func steps(ofBatches batches: Int) -> Int { (batches + accumulate - 1) / accumulate }

  /// The step of the proximal operator that one optimiser step at `rate` stands for.
  ///
  /// With momentum m a gradient step moves 1/(1 − m) as far as its rate says, Nesterov too. AdamW scales every
  /// coordinate by itself; its decoupled form takes the rate alone and no longer minimises loss + regulariser exactly.
  public func proximalStep(at rate: Double) -> Double {
    switch optimizer {
    case .sgd: rate / (1 - momentum)
    case .adamw: rate
    }
  }

  /// The decay of the average that is kept; nil where none is.
  var averageDecay: Double? { regularizer.isNone ? ema : nil }

  public typealias Precision = Torch.Precision

  public init(
    epochs: Int, batchSize: Int, learningRate: Double, optimizer: Optimizer = .sgd, momentum: Double, nesterov: Bool,
    weightDecay: Double,
    schedule: Schedule, labelSmoothing: Double, precision: Precision, seed: UInt64, distillation: Distillation? = nil,
    regularizer: Regularizer, sizeTarget: SizeTarget? = nil, energy: Double, energyMeasure: EnergyMeasure
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.optimizer = optimizer
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.schedule = schedule
    self.labelSmoothing = labelSmoothing
    self.precision = precision
    self.seed = seed
    self.distillation = distillation
    self.regularizer = regularizer
    self.sizeTarget = sizeTarget
    self.energy = energy
    self.energyMeasure = energyMeasure
  }
}
