import Compaction
import Foundation
import Networks

/// What a recipe leaves open, chosen for the network, the weights and the length of the training at hand.
extension Recipe {
  /// The thresholds of a whole training, laid end to end, in units of a layer's mean singular value or group norm.
  ///
  /// Gradients push back all the while, so it takes several times 1 before anything vanishes. Found on dec3 with
  /// chars36: 1 does nothing, 6 leaves a fifth of the parameters, 10 collapses.
  public static let defaultPressure = 6.0
  /// The same for given weights: what took them long to learn, the small rates that they are trained on at do not give back.
  ///
  /// A given ResNet-20, 6 epochs at 0.01: at 1 it keeps 90.98 of 91.73 % and 447 of 698 ranks hold 90 % of the energy; at 6
  /// it fell to chance in the second epoch.
  public static let givenPressure = 1.0
  /// No default lowers by more than this in one step: a training of a few hundred steps has no time to answer.
  public static let largestDefaultStep = 0.01

  /// Takes another optimiser and, where it was the other's default, its usual weight decay.
  public mutating func adopt(_ optimizer: TrainingOptions.Optimizer) {
    let usual = { (optimizer: TrainingOptions.Optimizer) in optimizer == .sgd ? 5e-4 : 1e-2 }
    if weightDecay == usual(self.optimizer) { weightDecay = usual(optimizer) }
    self.optimizer = optimizer
  }

  /// The learning rate, where none was given that of a network with batch norm.
  var learningRate: Double { lr ?? Self.usualRate(of: optimizer, normalized: true) }

  /// 0.1 under batch norm, whose function does not depend on how large the weights before it grow; 0.02 without, where
  /// 0.1 took a pair of factors to chance (lenet5 on Fashion-MNIST), and for given weights, which 0.1 makes forget more
  /// than a few epochs give back (Studies/ablation); 0.001 for AdamW.
  static func usualRate(
    of optimizer: TrainingOptions.Optimizer, normalized: Bool, givenWeights: Bool = false
  ) -> Double {
    switch optimizer {
    case .sgd: normalized && !givenWeights ? 0.1 : 0.02
    case .adamw: 1e-3
    }
  }

  /// The recipe with a rate that was left open chosen for `network`.
  public func resolvingRate(for network: Network, givenWeights: Bool = false) -> Recipe {
    var result = self
    let normalized = network.nodes.contains(where: \.keepsStatistics)
    result.lr = lr ?? Self.usualRate(of: optimizer, normalized: normalized, givenWeights: givenWeights)
    return result
  }

  /// The recipe with strengths that were left open chosen for a training of this length.
  ///
  /// What decides how much vanishes is λ·Σ lr/(1 − m) over the whole training, so the default λ is the default
  /// pressure divided by that sum: it means the same for any number of images, epochs, rate and momentum.
  ///
  /// - Parameter givenWeights: whether training starts from weights that are there already. Where a size is wished, the
  ///   strength follows it from the same start for all.
  public func resolvingStrengths(stepsPerEpoch: Int, givenWeights: Bool = false) -> Recipe {
    guard nuclear == nil || group == nil else { return self }
    var result = self
    if parameters ?? macs != nil { result.steer = steer ?? true }
    let steps = max(1, epochs * stepsPerEpoch)
    let training = training
    let lengths = (0..<steps).map { step in
      let epoch = Double(step) / Double(max(1, stepsPerEpoch))
      return training.proximalStep(at: learningRate * training.schedule.factor(at: epoch, of: Double(epochs)))
    }
    let largest = Self.largestDefaultStep / training.proximalStep(at: learningRate)
    let pressure = givenWeights && result.steer != true ? Self.givenPressure : Self.defaultPressure
    let strength = min(largest, pressure / max(lengths.reduce(0, +), 1e-12))
    // Four digits are enough for a default, and kinder to whoever reads the recipe.
    let rounded = Double(String(format: "%.3e", strength)) ?? strength
    result.nuclear = nuclear ?? rounded
    result.group = group ?? rounded
    return result
  }

  /// What a compact network learns of its teacher where a finished one was cut (Studies/ablation: 90.0 instead of 89.1 %).
  public static let usualDistillation = 0.7

  /// Whether the network was trained from random weights to be small, and so stands in the middle of its training.
  public func wasTrainedSmall(givenWeights: Bool) -> Bool { !givenWeights && (nuclear != 0 || group != 0) }

  /// The recipe with the allocation, the schemes and the basis of its plan chosen.
  ///
  /// Weights that were trained from random ones to be small end best by the paper's own means: one share for all layers,
  /// of the unfolding that the regulariser trains. All others keep far more where units and ranks are weighed layer by
  /// layer, in any scheme, by what the layers give for images (Studies/allocation, Studies/ablation).
  ///
  /// - Parameter givenWeights: whether training starts, or started, from weights that are there already.
  public func resolvingPlan(givenWeights: Bool) -> Recipe {
    let wasTrainedSmall = wasTrainedSmall(givenWeights: givenWeights)
    var result = self
    result.allocation = allocation ?? (wasTrainedSmall ? .uniform : .global)
    result.scheme = scheme ?? (wasTrainedSmall ? nil : .any)
    // A share of the energy, without a size, is one of the weights'.
    if parameters ?? macs ?? time != nil { result.basis = basis ?? (wasTrainedSmall ? .weights : .activations) }
    return result
  }
}
