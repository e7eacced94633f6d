import Torch

/// A network that gives something else when it is used than node by node.
public struct InferenceMismatch: Error, CustomStringConvertible {
  public let description: String
}

/// The comparison of what a network in use gave for some images with what its nodes give one by one, as libtorch has
/// them.
///
/// What is used has batch norms folded, layers joined and kernels of its own, so a mistake there would make every
/// figure wrong without a word. Proofs compare networks with one another, this compares the two ways to run one.
public struct InferenceCheck: Sendable {
  private let network: Network
  private let device: Device

  /// How far apart outputs may be, of the largest. Rounding in float32 makes 1e-6 to 1e-4, a mistake 1e-1 and more.
  private static let tolerance = 1e-2

  public init(_ network: Network, on device: Device = .cpu) { (self.network, self.device) = (network, device) }

  /// How many images of a set are looked at, so that it takes less than a hundredth of the whole.
  public static func images(of count: Int) -> Int { min(16, max(2, count / 400)) }

  /// - Parameters:
  ///   - outputs: what the network in use gave for `images`.
  /// - Throws: `InferenceMismatch` when that differs by more than rounding; `NetworkError` when the network is not
  ///   valid.
  public func callAsFunction(_ images: Tensor, gave outputs: Tensor) throws {
    // Of 8 bits it is used node by node, and there is nothing to compare. Sums of another batch have another order, and
    // a number that is rounded to its other neighbour changes those behind it by as much as rounding itself.
    guard !network.isQuantized else { return }
    let plain = try reference(images, .float32)
    guard plain.shape == outputs.shape else {
      throw InferenceMismatch(
        description:
          "inference gives shape \(outputs.shape), the network run node by node \(plain.shape); please report this "
          + "network")
    }
    guard Self.differ(outputs, plain, by: Self.tolerance * plain.maximumMagnitude) else { return }
    // What cancels in float32 differs by rounding alone: then node by node differs from the truth as well.
    let exact = device == .cpu ? try reference(images, .float64) : plain.to(.float64)
    let rounding = Self.largest(plain.to(.float64) - exact)
    let scale = exact.maximumMagnitude
    guard scale.isFinite, rounding.isFinite, Self.differ(outputs, exact, by: Self.tolerance * scale + 10 * rounding)
    else { return }
    let error = Self.largest(outputs.to(.float64) - exact) / scale
    throw InferenceMismatch(
      description: """
        inference differs from the network run node by node by \(error) of the largest output, so its figures would \
        be wrong; please report this network
        """)
  }

  private func reference(_ images: Tensor, _ dtype: Tensor.DType) throws -> Tensor {
    try Program(network.placed(on: device).to(dtype), .reference)(images.to(dtype))
  }

  /// The largest |x|, where NaN is more than any number.
  private static func largest(_ x: Tensor) -> Double {
    let largest = x.maximumMagnitude
    return largest.isNaN ? .infinity : largest
  }

  /// Whether elements are further apart than `limit`; those that are the same, NaN and infinity too, are not.
  private static func differ(_ a: Tensor, _ b: Tensor, by limit: Double) -> Bool {
    let isWithin = (a.to(.float64) - b.to(.float64)).maximumMagnitude <= limit
    if isWithin { return false }
    return zip(a.to(.float64).doubles, b.to(.float64).doubles).contains { x, y in
      if x == y || (x.isNaN && y.isNaN) { return false }
      return !(abs(x - y) <= limit)
    }
  }
}
