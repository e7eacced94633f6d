import Foundation

/// How the learning rate moves over a training.
public struct Schedule: Sendable, Codable, Equatable {
  public enum Shape: String, Sendable, Codable, CaseIterable {
    case constant
    /// Half a cosine down to zero.
    case cosine
    /// That several times over, each from the full rate (Loshchilov & Hutter 2017, SGDR, in equal cycles).
    case cosineRestarts = "cosine-restarts"
    /// A tenth after half and another tenth after three quarters of the epochs (He et al. 2015).
    case step
  }

  public var shape: Shape
  /// Epochs over which the rate grows linearly from zero.
  public var warmup: Double
  /// How many cosines `cosineRestarts` has.
  public var cycles: Int

  /// The cycles of `cosineRestarts` where none are given.
  public static let usualCycles = 2

  public init(_ shape: Shape = .cosine, warmup: Double = 0, cycles: Int = usualCycles) {
    self.shape = shape
    self.warmup = warmup
    self.cycles = cycles
  }

  /// The factor on the learning rate after `epoch` of `epochs`, both counted in whole and parts.
  public func factor(at epoch: Double, of epochs: Double) -> Double {
    if epoch < warmup { return epoch / warmup }
    let progress = min(1, epoch / max(epochs, 1e-9))
    switch shape {
    case .constant: return 1
    case .cosine, .cosineRestarts:
      let count = shape == .cosineRestarts ? Double(cycles) : 1
      // Divided last, so that a cycle that ends with an epoch ends exactly there.
      let done = min(count, (epoch - warmup) * count / max(epochs - warmup, 1e-9))
      // The last cycle ends at zero, the others where the next begins.
      let rest = done < count ? done - done.rounded(.down) : 1
      return (1 + cos(.pi * rest)) / 2
    case .step: return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01
    }
  }
}
