import Torch

/// The largest value along some axes, which stay with one element each.
public struct Maximum: Operation, Hashable {
  public static let kind = "maximum"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard !axes.isEmpty, Set(axes).count == axes.count, axes.allSatisfy(inputs[0].indices.contains) else {
      throw NetworkError("takes the maximum along axes \(axes) of shape \(inputs[0])")
    }
    return inputs[0].indices.map { axes.contains($0) ? 1 : inputs[0][$0] }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].max(axes: axes.map { $0 + 1 }, keepingAxes: true)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Of channels whose maximum is taken none can go, not even one of zeros: it may be the largest.
  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] {
    guard axes.contains(0) else { return site.inputs[0] }
    ties.freeze(site.inputs[0])
    return ties.makeFrozenChannels(1)
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    axes.contains(0) ? [.varying] : inputs[0]
  }
}
