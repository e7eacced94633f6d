import Torch

/// The slices of one axis at `indices`, in that order; axis 0 is the channel.
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

  /// Channels that are picked by number stay, since the numbers would not follow.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard axis == 0 else { return site.inputs[0] }
    coupling.freeze(site.inputs[0])
    return coupling.makeFrozenChannels(indices.count)
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    axis == 0 ? indices.map { inputs[0][$0] } : inputs[0]
  }
}
