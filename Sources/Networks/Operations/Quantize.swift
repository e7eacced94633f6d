import Torch

/// Rounding to numbers that a tensor of 8 bits holds, and back: what QuantizeLinear and DequantizeLinear of ONNX do one
/// after the other. In training gradients pass as if nothing were rounded, and stop where something is cut (the
/// straight-through estimator of Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013).
public struct Quantize: Operation, Hashable {
  public static let kind = "quantize"
  public var grid: QuantizationGrid

  public init(_ grid: QuantizationGrid) { self.grid = grid }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard grid.scale > 0, grid.scale.isFinite, Double(Float(grid.scale)) == grid.scale else {
      throw NetworkError("has the scale \(grid.scale), expected a float32 above 0")
    }
    guard grid.range.contains(grid.zeroPoint) else {
      let (least, largest) = (grid.range.lowerBound, grid.range.upperBound)
      throw NetworkError("has the zero point \(grid.zeroPoint), expected \(least) to \(largest)")
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].fakeQuantized(scale: grid.scale, zeroPoint: grid.zeroPoint, range: grid.range)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0].map { $0.map(grid.rounded) }
  }
}

/// The numbers scale·(q − zeroPoint), q a whole number of 8 bits.
public struct QuantizationGrid: Sendable, Hashable, Codable {
  public enum Element: String, Sendable, Codable, CaseIterable { case int8, uint8 }

  /// A float32, as files hold it.
  public var scale: Double
  public var zeroPoint: Int
  public var element: Element

  public init(scale: Double, zeroPoint: Int = 0, _ element: Element) {
    (self.scale, self.zeroPoint, self.element) = (Double(Float(scale)), zeroPoint, element)
  }

  /// Of int8.
  static let signed = -128...127

  public var range: ClosedRange<Int> { element == .int8 ? Self.signed : 0...255 }

  /// The number of the grid that is nearest.
  public func rounded(_ x: Double) -> Double {
    let q = (x / scale).rounded(.toNearestOrEven) + Double(zeroPoint)
    return scale * (min(max(q, Double(range.lowerBound)), Double(range.upperBound)) - Double(zeroPoint))
  }
}

/// What runtimes do with an operation where values are numbers of 8 bits.
public enum QuantizationRule: Sendable, Equatable {
  /// It multiplies or adds numbers of 8 bits, with wider ones between; `resultMayBeFloat` says whether it can give
  /// float32 instead.
  case computes(resultMayBeFloat: Bool)
  /// It moves numbers, so that its result has the grid of what it reads.
  case moves
  /// It cuts what is below zero, which rounding to a grid that begins at zero does too.
  case saturates
  /// It is computed in float32.
  case float
}
