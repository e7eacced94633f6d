import Networks
import Torch

/// How far two networks' outputs are apart on random images, in float64; of several outputs the one that is furthest.
public struct Difference: Sendable {
  /// The largest |a − b|.
  public let largest: Double
  /// The largest |a|.
  public let scale: Double
  /// Why the first network's outputs say nothing, as where all images give the same; nil where they do.
  public let complaint: Complaint?

  /// Whether there is nothing to compare: the first network's outputs are all zero, or not all numbers.
  public var saysNothing: Bool { !(scale > 0 && scale.isFinite) }

  /// `largest` by `scale`; infinite where an output is not a number or the first network answers always the same.
  public var relative: Double { scale > 0 && largest.isFinite ? largest / scale : .infinity }

  /// On smaller images than the networks' where those say as much (`ProofImages`); what differs there is looked at
  /// again on whole ones.
  ///
  /// - Throws: `NetworkError` when a network is not valid or the two do not have the same inputs and outputs.
  public init(between a: Network, and b: Network, seed: UInt64 = 0) throws {
    guard a.inputShape == b.inputShape else {
      throw NetworkError("one network reads images of shape \(a.inputShape), the other of \(b.inputShape)")
    }
    var images = try ProofImages(for: [a, b], seed: seed)
    var (x, y) = (try images.outputs(of: a), try images.outputs(of: b))
    if images.areSmaller, x.shape != y.shape || !((x - y).maximumMagnitude <= 1e-6 * x.maximumMagnitude) {
      images = try ProofImages(for: [a, b], seed: seed, whole: true)
      (x, y) = (try images.outputs(of: a), try images.outputs(of: b))
    }
    guard x.shape == y.shape else {
      throw NetworkError("one network gives \(x.shape[1...]) for an image, the other \(y.shape[1...])")
    }
    (largest, scale) = try images.apart(x, y, of: a)
    let says = scale.isFinite && x.differsBetweenImages
    complaint = says ? nil : try images.resized(a).complaint(on: images.batch)
  }
}
