import Networks
import Torch

/// Learning from the outputs of a larger network beside the labels (Hinton, Vinyals & Dean 2015, arXiv 1503.02531).
public struct Distillation: Sendable, Codable, Equatable {
  /// α: the teacher's share of the loss, 0…1.
  public var weight: Double
  /// T: how far the teacher's probabilities are evened out, above 0.
  public var temperature: Double

  public init(weight: Double, temperature: Double = 4) {
    self.weight = weight
    self.temperature = temperature
  }

  /// (1 − α)·crossEntropy + α·T²·KL(softmax(teacher/T) ‖ softmax(logits/T)).
  ///
  /// T² keeps the size of the second term's gradient whatever the temperature (section 2 of the paper).
  func loss(crossEntropy: Tensor, logits: Tensor, teacher: Tensor) -> Tensor {
    let soft = (logits / temperature).divergence(from: teacher / temperature)
    return crossEntropy * (1 - weight) + soft * (weight * temperature * temperature)
  }
}

/// A network that is only asked.
struct Teacher {
  private let program: Program

  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, on device: Device) throws {
    program = try Program(network.placed(on: device), .training)
  }

  func logits(_ images: Tensor) -> Tensor { program(images) }
}
