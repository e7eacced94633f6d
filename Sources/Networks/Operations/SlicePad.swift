import Torch

/// Every `step`-th element of one axis, from `start` up to `end`; axis 0 is the channel.
public struct Slice: Operation, Hashable {
  public static let kind = "slice"
  public var axis: Int
  public var start: Int
  /// Where to stop; nil is the end of the axis.
  public var end: Int?
  public var step: Int

  public init(axis: Int, start: Int = 0, end: Int? = nil, step: Int = 1) {
    self.axis = axis
    self.start = start
    self.end = end
    self.step = step
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].indices.contains(axis) else { throw NetworkError("slices axis \(axis) of shape \(inputs[0])") }
    let stop = end ?? inputs[0][axis]
    guard step > 0, start >= 0, start < stop, stop <= inputs[0][axis] else {
      throw NetworkError("slices \(start)..<\(stop) by \(step) out of axis \(axis) of shape \(inputs[0])")
    }
    var shape = inputs[0]
    shape[axis] = (stop - start - 1) / step + 1
    return shape
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].slice(axis: axis + 1, from: start, to: end ?? inputs[0].shape[axis + 1], step: step)
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let input = site.inputs[0]
    guard let position = site.axes.inputs[0].firstIndex(of: axis) else { return input }
    if site.axes.inputs[0].count > 1 { coupling.split(input, site.sizes(0), picking: position) }
    if step > 1 { coupling.freeze(input) }
    return picked(input, site.sizes(0), position)
  }

  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] {
    guard let position = axes.inputs[0].firstIndex(of: axis) else { return inputs[0] }
    return picked(inputs[0], axes.inputs[0].map { shapes[0][$0] }, position)
  }

  private func picked<Value>(_ channels: [Value], _ sizes: [Int], _ position: Int) -> [Value] {
    channels.selecting(Array(stride(from: start, to: end ?? sizes[position], by: step)), at: position, of: sizes)
  }

  /// Of several axes of channels, indices are picked only along one that keeps all.
  public func resized(
    inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int
  ) -> Slice {
    guard axes.inputs[0] == [axis], step == 1 else { return self }
    var result = self
    result.start = inputs[0][..<start].map(copies).reduce(0, +)
    result.end = end.map { inputs[0][..<$0].map(copies).reduce(0, +) }
    return result
  }
}

/// Zeros, or another number, before and after one axis; axis 0 is the channel.
public struct Pad: Operation, Hashable {
  public static let kind = "pad"
  public var axis: Int
  public var before: Int
  public var after: Int
  /// What is laid around; a number that float32 cannot hold is infinite there.
  public var value: Double

  public init(axis: Int, before: Int, after: Int, value: Double = 0) {
    self.axis = axis
    self.before = before
    self.after = after
    self.value = value
  }

  private enum CodingKeys: CodingKey { case axis, before, after, value }

  /// Files have no value where it is zero.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    axis = try container.decode(Int.self, forKey: .axis)
    before = try container.decode(Int.self, forKey: .before)
    after = try container.decode(Int.self, forKey: .after)
    value = try container.decodeIfPresent(Double.self, forKey: .value) ?? 0
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(axis, forKey: .axis)
    try container.encode(before, forKey: .before)
    try container.encode(after, forKey: .after)
    if value != 0 { try container.encode(value, forKey: .value) }
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].indices.contains(axis), (0...1 << 20).contains(before), (0...1 << 20).contains(after) else {
      throw NetworkError("pads axis \(axis) of shape \(inputs[0]) by \(before) and \(after)")
    }
    guard value.isFinite else { throw NetworkError("pads with \(value), expected a finite number") }
    var shape = inputs[0]
    shape[axis] += before + after
    return shape
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let axesAfter = inputs[0].shape.count - 2 - axis
    return inputs[0].padded(Array(repeating: 0, count: 2 * axesAfter) + [before, after], with: value)
  }

  public var quantizationRule: QuantizationRule { value == 0 ? .moves : .float }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Padded channels are new: an addition behind couples them to those they are added to, and they go with them.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard axis == 0 else { return site.inputs[0] }
    return coupling.makeChannels(before) + site.inputs[0] + coupling.makeChannels(after)
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    guard axis == 0 else {
      return inputs[0].map { $0 == .constant(value) || before + after == 0 ? $0 : .varying }
    }
    // What may be infinite in float32 moves into no bias.
    let new = abs(value) < Double(Float.greatestFiniteMagnitude) ? ChannelValue.constant(value) : .varying
    return Array(repeating: new, count: before) + inputs[0] + Array(repeating: new, count: after)
  }

  public func resized(inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int) -> Pad {
    guard axis == 0 else { return self }
    var result = self
    result.before = output.prefix(before).map(copies).reduce(0, +)
    result.after = output.suffix(after).map(copies).reduce(0, +)
    return result
  }
}
