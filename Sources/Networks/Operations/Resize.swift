import Torch

/// Images of another height and width, as Resize of ONNX makes them
/// (https://onnx.ai/onnx/operators/onnx__Resize.html).
///
/// The first value is resized. Where the target is `likeSecond`, a second one tells height and width, and nothing else.
public struct Resize: Operation, Hashable {
  public static let kind = "resize"

  /// Of what a new pixel is made.
  public enum Mode: Sendable, Hashable, Codable {
    /// The pixel that is nearest.
    case nearest(Rounding)
    /// The two neighbours along each axis.
    case linear
    /// The four neighbours along each axis, by cubics; PyTorch's coefficient is −¾.
    case cubic(coefficient: Double)
  }

  /// To which pixel a place between two belongs.
  public enum Rounding: String, Sendable, Codable, CaseIterable { case floor, ceil, halfDown, halfUp }

  /// Where a new pixel lies between those that are there.
  public enum Places: String, Sendable, Codable, CaseIterable {
    /// Corners of pixels lie on corners: at i / scale.
    case asymmetric
    /// Borders of images lie on borders: at (i + ½) / scale − ½.
    case halfPixel
    /// The same, but the only pixel of an axis lies at 0.
    case halfPixelUnlessOne
    /// The first and the last pixel lie on the first and the last.
    case alignCorners
  }

  /// How large the result is; pairs are height and width.
  public enum Target: Sendable, Hashable, Codable {
    /// So many times as large, rounded down.
    case scales([Double])
    case size([Int])
    /// As large as the second value.
    case likeSecond
  }

  public var mode: Mode
  public var places: Places
  public var target: Target

  public init(_ mode: Mode, _ places: Places, to target: Target) {
    (self.mode, self.places, self.target) = (mode, places, target)
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, target == .likeSecond ? 2 : 1)
    for input in inputs { try Expect.image(input) }
    switch target {
    case .scales(let scales):
      guard scales.count == 2, scales.allSatisfy({ $0 > 0 && $0 <= 65536 }) else {
        throw NetworkError("has scales \(scales), expected two numbers above 0")
      }
    case .size(let size): try Expect.pair(size, "size", atLeast: 1)
    case .likeSecond: break
    }
    if case .cubic(let coefficient) = mode, !coefficient.isFinite {
      throw NetworkError("has a coefficient that is not finite")
    }
    let size = size(of: inputs)
    guard size.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw NetworkError("makes \(size) pixels of \(Array(inputs[0][1...])), expected 1 to 65536 along each axis")
    }
    return [inputs[0][0]] + size
  }

  /// Height and width of the result.
  ///
  /// - Parameter inputs: shapes whose last two axes are height and width.
  package func size(of inputs: [[Int]]) -> [Int] {
    switch target {
    // In float32, as runtimes count.
    case .scales(let scales):
      zip(inputs[0].suffix(2), scales).map { size, scale in
        let pixels = (Float(size) * Float(scale)).rounded(.down)
        return Int(min(pixels, 1e6))
      }
    case .size(let size): size
    case .likeSecond: Array(inputs[1].suffix(2))
    }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let size = size(of: inputs.map(\.shape))
    if let interpolation = interpolation(from: Array(inputs[0].shape.suffix(2)), to: size) {
      return inputs[0].upsampled(interpolation, size: size, scale: givenScales)
    }
    return (0..<2).reduce(inputs[0]) { x, axis in
      let taps = taps(along: axis, from: x.shape[axis + 2], to: size[axis])
      return x.sampled(taps, axis: axis + 2)
    }
  }

  public var quantizationRule: QuantizationRule {
    if case .nearest = mode, target != .likeSecond { .moves } else { .float }
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  /// The shares of neighbours add up to one.
  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0]
  }
}
