import Networks
import Torch

/// The comparison of two networks on the same random images, in float64 from the stored weights.
public struct EqualityProof: Sendable, Codable {
  /// max|a − b| over all logits.
  public var largestDifference: Double
  /// max|a| of the reference.
  public var largestValue: Double

  /// max|a − b| ≤ tolerance·max|a|.
  public static let tolerance = 1e-5

  public var holds: Bool { largestDifference <= Self.tolerance * largestValue }

  /// Runs both networks on a batch of 4 and compares.
  ///
  /// Running statistics that are still those of a new batch norm (0 and 1) say nothing, so both networks must bring
  /// real ones. A reference whose output does not depend on the image proves nothing and counts as failure.
  ///
  /// - Throws: `CompactionError` when they differ or the output is constant, `NetworkError` when one is not valid.
  public init(reference: Network, candidate: Network, seed: UInt64 = 0) throws {
    let batch = Tensor.normal([4] + reference.inputShape, dtype: .float64, using: Generator(seed: seed))
    let expected = try reference.to(.float64)(batch)
    let found = try candidate.to(.float64)(batch)
    guard expected.shape == found.shape else {
      throw CompactionError("the compact network gives shape \(found.shape), expected \(expected.shape)")
    }
    largestDifference = (expected - found).maximumMagnitude
    largestValue = expected.maximumMagnitude
    let first = expected.slice(axis: 0, from: 0, to: 1)
    let spread = (expected - first).maximumMagnitude
    guard largestValue.isFinite, largestDifference.isFinite else {
      throw CompactionError(
        "the network gives values that are not finite, so nothing can be proved; nothing was written")
    }
    guard spread > 1e-9 * max(largestValue, 1e-300) else {
      throw CompactionError(
        "the network gives the same output for every image, so nothing can be proved; it has collapsed")
    }
    guard holds else {
      throw CompactionError(
        """
        the compact network differs from the one it was made of by \(largestDifference), allowed is \
        \(Self.tolerance * largestValue); nothing was written
        """)
    }
  }
}
