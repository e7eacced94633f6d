import Networks

/// How a network is quantised to numbers of 8 bits.
public struct QuantizationSettings: Sendable {
  /// What values between layers are: uint8 with a zero point of its own, or int8 around zero.
  public var activations = QuantizationGrid.Element.uint8
  /// Weights are whole numbers of so many bits; nil is 7 with uint8, so that sums of two products do not overflow 16
  /// bits, which processors without VNNI add them in, and 8 with int8.
  public var weightBits: Int?
  /// How ranges follow from histograms; nil takes what changes the outputs least.
  public var ranges: RangeEstimator?
  /// Layers that stay as they are, `*` for anything.
  public var skip: [String] = []

  public init() {}

  /// The largest whole number of a weight.
  var largestWeight: Double { (weightBits ?? (activations == .int8 ? 8 : 7)) == 8 ? 127 : 63 }
}

/// A network that cannot be quantised, in a sentence.
public struct QuantizationError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
