import Torch

/// An image laid out as a vector, channel by channel.
public struct Flatten: Operation, Hashable {
  public static let kind = "flatten"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    return [inputs[0].reduce(1, *)]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].flattened(from: 1)
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Each channel is repeated once for every pixel.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    repeated(site.inputs[0], pixels: site.inputShapes[0].dropFirst().reduce(1, *))
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    repeated(inputs[0], pixels: shapes[0].dropFirst().reduce(1, *))
  }

  private func repeated<Value>(_ channels: [Value], pixels: Int) -> [Value] {
    channels.flatMap { repeatElement($0, count: pixels) }
  }
}

/// The same elements in another shape.
///
/// There is no telling in general which axis carries the channels afterwards, so a reshape freezes what it touches;
/// `Flatten` is the one that does not.
public struct Reshape: Operation, Hashable {
  public static let kind = "reshape"
  /// The new shape of one image, without the batch.
  public var shape: [Int]

  public init(_ shape: [Int]) { self.shape = shape }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard !shape.isEmpty, shape.allSatisfy({ $0 > 0 && $0 <= 1 << 30 }),
      shape.reduce(
        (1, false),
        {
          let (p, o) = $0.0.multipliedReportingOverflow(by: $1); return (p, $0.1 || o)
        })
        == (inputs[0].reduce(1, *), false)
    else { throw NetworkError("cannot give \(inputs[0]) the shape \(shape)") }
    return shape
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].reshaped([-1] + shape)
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    coupling.freeze(site.inputs[0])
    return coupling.makeFrozenChannels(shape[0])
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    Array(repeating: .varying, count: shape[0])
  }
}
