import Torch

/// The largest or the mean value of a window, or of the whole image.
public enum Pooling: Operation, Hashable {
  case max(PoolingGeometry)
  case average(PoolingGeometry)
  case globalAverage
  case globalMax

  public static let kind = "pooling"

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    try Expect.image(inputs[0])
    switch self {
    case .max(let geometry), .average(let geometry): return try extent(inputs[0], geometry)
    case .globalAverage, .globalMax: return [inputs[0][0], 1, 1]
    }
  }

  private func extent(_ input: [Int], _ geometry: PoolingGeometry) throws -> [Int] {
    try Expect.pair(geometry.kernel, "kernel", atLeast: 1)
    try Expect.pair(geometry.stride, "stride", atLeast: 1)
    try Expect.pair(geometry.padding, "padding", atLeast: 0)
    try Expect.pair(geometry.endPadding, "padding", atLeast: 0)
    let pixels = try (0..<2).map { axis in
      let kernel = geometry.kernel[axis]
      // So that every window holds a pixel of the image.
      guard geometry.padding[axis] < kernel, geometry.endPadding[axis] < kernel else {
        throw NetworkError(
          """
          has a window of \(geometry.kernel) and padding \(geometry.padding + geometry.endPadding), expected less \
          padding than a window is wide
          """)
      }
      guard let windows = geometry.windows(along: axis, of: input[axis + 1]) else {
        throw NetworkError("has a window of \(geometry.kernel) that does not fit into \(Array(input[1...])) pixels")
      }
      return windows
    }
    return [input[0]] + pixels
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    switch self {
    case .max(let geometry): inputs[0].maxPooled(geometry)
    case .average(let geometry): inputs[0].averagePooled(geometry)
    case .globalAverage: inputs[0].globalAveragePooled
    case .globalMax: inputs[0].max(axes: [2, 3], keepingAxes: true)
    }
  }

  public var quantizationRule: QuantizationRule {
    switch self {
    case .max, .globalMax: .moves
    case .average, .globalAverage: .computes(resultMayBeFloat: false)
    }
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    guard case .average(let geometry) = self, geometry.countIncludePad, geometry.pads.contains(where: { $0 > 0 }) else {
      return inputs[0]
    }
    return inputs[0].map { $0 == .constant(0) ? $0 : .varying }
  }
}
