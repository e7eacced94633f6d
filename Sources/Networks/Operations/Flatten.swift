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

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    repeated(inputs[0], pixels: shapes[0].dropFirst().reduce(1, *))
  }

  private func repeated<Value>(_ channels: [Value], pixels: Int) -> [Value] {
    channels.flatMap { repeatElement($0, count: pixels) }
  }
}

/// The same elements in another shape.
///
/// Channels are followed where axes are split, or joined with axes that have channels too, as heads are; elsewhere they
/// stay.
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

  /// The axes of the new shape that hold what `axes` of the old one hold; nil where such an axis would hold other
  /// things too.
  private func followed(_ axes: [Int], of old: [Int]) -> [Int]? {
    var result: [Int] = []
    var (from, to) = (0, 0)
    while from < old.count, to < shape.count {
      // The fewest axes on both sides that hold as many elements.
      var (ends, newEnds) = (from + 1, to + 1)
      var (count, newCount) = (old[from], shape[to])
      while count != newCount {
        if count < newCount {
          guard ends < old.count else { return nil }
          (count, ends) = (count * old[ends], ends + 1)
        } else {
          guard newEnds < shape.count else { return nil }
          (newCount, newEnds) = (newCount * shape[newEnds], newEnds + 1)
        }
      }
      let wide = (from..<ends).filter { old[$0] > 1 }
      let own = wide.filter(axes.contains)
      guard own.isEmpty || own == wide else { return nil }
      if !own.isEmpty { result += (to..<newEnds).filter { shape[$0] > 1 } }
      (from, to) = (ends, newEnds)
    }
    return result.isEmpty ? nil : result
  }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    ChannelAxes(inputs: inputs, output: followed(inputs[0], of: shapes[0]) ?? [0])
  }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard let axes = followed(site.axes.inputs[0], of: site.inputShapes[0]) else {
      coupling.freeze(site.inputs[0])
      return coupling.makeFrozenChannels(site.count)
    }
    if axes.count > 1 { coupling.split(site.inputs[0], axes.map { shape[$0] }) }
    return site.inputs[0]
  }

  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] {
    followed(axes.inputs[0], of: shapes[0]) != nil
      ? inputs[0] : Array(repeating: .varying, count: axes.output.map { shape[$0] }.reduce(1, *))
  }

  /// The sizes follow the channels; of several axes the one along which slices come or go.
  public func resized(
    inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int
  ) -> Reshape {
    let numbers = output.map(copies)
    guard numbers.contains(where: { $0 != 1 }) else { return self }
    let sizes = axes.output.map { shape[$0] }
    let grid = ChannelGrid(sizes)
    guard let position = grid.onlyAxis(of: numbers) else { return self }
    var result = self
    result.shape[axes.output[position]] = (0..<sizes[position]).map { index in
      var place = sizes.map { _ in 0 }
      place[position] = index
      return numbers[grid.index(of: place)]
    }.reduce(0, +)
    return result
  }
}
