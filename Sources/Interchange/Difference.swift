import Networks
import Torch

/// How far two networks' outputs are apart on random images, in float64.
public struct Difference: Sendable {
  /// The largest |a − b|.
  public let largest: Double
  /// The largest |a|.
  public let scale: Double

  /// `largest` by `scale`; infinite where an output is not a number or the first network answers always the same.
  public var relative: Double { scale > 0 && largest.isFinite ? largest / scale : .infinity }

  /// - Throws: `NetworkError` when a network is not valid or the two do not have the same inputs and outputs.
  public init(between a: Network, and b: Network, images: Int = 4, seed: UInt64 = 0) throws {
    guard a.inputShape == b.inputShape else {
      throw NetworkError("one network reads images of shape \(a.inputShape), the other of \(b.inputShape)")
    }
    let batch = Tensor.normal([images] + a.inputShape, dtype: .float64, using: Generator(seed: seed))
    let (x, y) = (try a.to(.float64)(batch), try b.to(.float64)(batch))
    guard x.shape == y.shape else {
      throw NetworkError("one network gives \(x.shape[1...]) for an image, the other \(y.shape[1...])")
    }
    largest = (x - y).maximumMagnitude
    scale = x.maximumMagnitude
  }
}
