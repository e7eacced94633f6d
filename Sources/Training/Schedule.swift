import Foundation

/// How the learning rate moves over a training.
public struct Schedule: Sendable, Codable, Equatable {
  public enum Shape: String, Sendable, Codable, CaseIterable {
    case constant
    /// Half a cosine down to zero.
    case cosine
    /// A tenth after half and another tenth after three quarters of the epochs (He et al. 2015).
    case step
  }

  public var shape: Shape
  /// Epochs over which the rate grows linearly from zero.
  public var warmup: Double

  public init(_ shape: Shape = .cosine, warmup: Double = 0) {
    self.shape = shape
    self.warmup = warmup
  }

  /// The factor on the learning rate after `epoch` of `epochs`, both counted in whole and parts.
  public func factor(at epoch: Double, of epochs: Double) -> Double {
    if epoch < warmup { return epoch / warmup }
    let progress = min(1, epoch / max(epochs, 1e-9))
    switch shape {
    case .constant: return 1
    case .cosine:
      let rest = min(1, (epoch - warmup) / max(epochs - warmup, 1e-9))
      return (1 + cos(.pi * rest)) / 2
    case .step: return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01
    }
  }
}
