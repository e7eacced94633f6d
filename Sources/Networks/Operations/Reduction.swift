import Torch

/// The mean along some axes, which stay with one element each.
public struct Mean: Reduction, Hashable {
  public static let kind = "mean"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let count = axes.map { inputs[0].shape[$0 + 1] }.reduce(1, *)
    return inputs[0].sum(axes: axes.map { $0 + 1 }, keepingAxes: true) / Double(max(1, count))
  }
}

/// The largest value along some axes, which stay with one element each.
public struct Maximum: Reduction, Hashable {
  public static let kind = "maximum"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].max(axes: axes.map { $0 + 1 }, keepingAxes: true)
  }
}

/// An operation that makes one element of all those along some axes, with the rules that follow from that.
public protocol Reduction: Operation {
  var axes: [Int] { get }
}

extension Reduction {
  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard !axes.isEmpty, Set(axes).count == axes.count, axes.allSatisfy(inputs[0].indices.contains) else {
      throw NetworkError("takes the \(Self.kind) along axes \(axes) of shape \(inputs[0])")
    }
    return inputs[0].indices.map { axes.contains($0) ? 1 : inputs[0][$0] }
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Of channels that become one none can go, not even one of zeros: the mean counts it, and it may be the largest.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard axes.contains(0) else { return site.inputs[0] }
    coupling.freeze(site.inputs[0])
    return coupling.makeFrozenChannels(1)
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    self.axes.contains(0) ? [.varying] : inputs[0]
  }
}
