import Networks
import Torch

/// The comparison of two networks on the same random images, in float64 from the stored weights.
public struct EqualityProof: Sendable, Codable {
  /// max|a − b| over all elements of the output, of several the one that is furthest from the reference by its size.
  public var largestDifference: Double
  /// max|a| of the reference.
  public var largestValue: Double

  /// max|a − b| ≤ tolerance·max|a|.
  public static let tolerance = 1e-5

  public var holds: Bool { largestDifference <= Self.tolerance * largestValue }

  /// Runs both networks on random images and compares.
  ///
  /// Running statistics that are still those of a new batch norm (0 and 1) say nothing, so both networks must bring
  /// real ones. A reference whose output does not depend on the image proves nothing and counts as failure. Where the
  /// networks take images of any size and are large, smaller ones are used (`ProofImages`); what fails on those is
  /// looked at again on whole ones.
  ///
  /// - Throws: `CompactionError` when they differ or the output is constant, `NetworkError` when one is not valid.
  public init(reference: Network, candidate: Network, seed: UInt64 = 0) throws {
    let images = try ProofImages(for: [reference, candidate], seed: seed)
    do {
      try self.init(reference, candidate, on: images)
    } catch is CompactionError where images.areSmaller {
      try self.init(reference, candidate, on: ProofImages(for: [reference, candidate], seed: seed, whole: true))
    }
  }

  private init(_ reference: Network, _ candidate: Network, on images: ProofImages) throws {
    let expected = try images.outputs(of: reference)
    let found = try images.outputs(of: candidate)
    guard expected.shape == found.shape else {
      throw CompactionError("the compact network gives shape \(found.shape), expected \(expected.shape)")
    }
    (largestDifference, largestValue) = try images.apart(expected, found, of: reference)
    guard largestValue.isFinite, largestDifference.isFinite else {
      let broken = largestValue.isFinite ? candidate : reference
      throw CompactionError(Self.sentence(try images.resized(broken).complaint(on: images.batch)))
    }
    guard expected.differsBetweenImages else {
      throw CompactionError(Self.sentence(try images.resized(reference).complaint(on: images.batch)))
    }
    guard holds else {
      throw CompactionError(
        """
        the compact network differs from the planned one by \(largestDifference), expected at most \
        \(Self.tolerance * largestValue); nothing was written
        """)
    }
  }

  /// Why nothing can be proved about a network whose outputs say nothing.
  public static func sentence(_ complaint: Complaint?, of what: String = "what is left of the network") -> String {
    let output =
      complaint?.kind == .isNotFinite ? "values that are not finite" : "the same output for every image"
    let cause = complaint.map { " (\($0.cause))" } ?? ""
    return "\(what) gives \(output)\(cause), so nothing can be proved"
  }
}
