import Torch

/// The slices of one axis at `indices`, in that order.
public struct Gather: Operation, Hashable {
  public static let kind = "gather"
  public var axis: Int
  public var indices: [Int]

  public init(axis: Int, indices: [Int]) {
    self.axis = axis
    self.indices = indices
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].indices.contains(axis) else {
      throw NetworkError("gathers along axis \(axis) of shape \(inputs[0])")
    }
    guard !indices.isEmpty, indices.allSatisfy((0..<inputs[0][axis]).contains) else {
      throw NetworkError("gathers \(indices.prefix(8)) out of axis \(axis) of shape \(inputs[0])")
    }
    var shape = inputs[0]
    shape[axis] = indices.count
    return shape
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].selecting(indices, axis: axis + 1)
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  /// Channels that are picked by number stay, since the numbers would not follow.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard let position = site.axes.inputs[0].firstIndex(of: axis) else { return site.inputs[0] }
    guard site.axes.inputs[0].count > 1 else {
      coupling.freeze(site.inputs[0])
      return coupling.makeFrozenChannels(indices.count)
    }
    coupling.split(site.inputs[0], site.sizes(0), picking: position)
    return site.inputs[0].selecting(indices, at: position, of: site.sizes(0))
  }

  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] {
    guard let position = axes.inputs[0].firstIndex(of: axis) else { return inputs[0] }
    return inputs[0].selecting(indices, at: position, of: axes.inputs[0].map { shapes[0][$0] })
  }
}
