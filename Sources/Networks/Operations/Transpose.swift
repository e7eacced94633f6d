import Torch

/// The axes of each image in another order; `permutation[i]` is where axis i comes from.
///
/// Channels that leave the first axis cannot be followed there, so they stay.
public struct Transpose: Operation, Hashable {
  public static let kind = "transpose"
  public var permutation: [Int]

  public init(_ permutation: [Int]) { self.permutation = permutation }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard permutation.sorted() == Array(inputs[0].indices) else {
      throw NetworkError("orders axes as \(permutation) of shape \(inputs[0])")
    }
    return permutation.map { inputs[0][$0] }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].permuted([0] + permutation.map { $0 + 1 })
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// The channels go where their axis goes.
  public func channelAxes(of inputs: [Int], shapes: [[Int]]) -> ChannelAxes {
    ChannelAxes(inputs: inputs, output: permutation.firstIndex(of: inputs[0]) ?? 0)
  }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    inputs[0]
  }
}

/// The matrix product of two values over their last two axes; axes before are batches, of one element or of equal many.
public struct MatrixProduct: Operation, Hashable {
  public static let kind = "matrixProduct"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 2)
    let (a, b) = (inputs[0], inputs[1])
    guard a.count == b.count, a.count >= 2, a[a.count - 1] == b[b.count - 2] else {
      throw NetworkError("multiplies shapes \(a) and \(b) that do not match")
    }
    let batch = try zip(a.dropLast(2), b.dropLast(2)).map { x, y in
      guard x == y || x == 1 || y == 1 else { throw NetworkError("multiplies shapes \(a) and \(b) that do not match") }
      return max(x, y)
    }
    return batch + [a[a.count - 2], b[b.count - 1]]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].matmul(inputs[1])
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int {
    output.reduce(1, *) * (inputs[0].last ?? 1)
  }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    for input in site.inputs { coupling.freeze(input) }
    return coupling.makeFrozenChannels(site.outputShape[0])
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    let rows = shapes[0].count == 2 ? shapes[0][0] : max(shapes[0][0], shapes[1][0])
    return Array(repeating: .varying, count: rows)
  }
}
