import Torch

/// x, below zero slope·x, with slopes that are trained: one for each channel, or one for all.
public struct PReLU: Operation, Hashable {
  public static let kind = "prelu"
  /// Whether all channels have the same slope.
  public var isShared: Bool

  public init(isShared: Bool) { self.isShared = isShared }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard let channels = inputs[0].first else { throw NetworkError("reads a value without channels") }
    _ = try Expect.parameter(.weight, parameters, rank: 1)
    try Expect.vector(.weight, parameters, count: isShared ? 1 : channels)
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].prelu(parameters.required(.weight))
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// A slope goes with its channel, but says nothing of how strong the channel is: it is no part of the group that a
  /// training shrinks, and of zero it makes zero whatever it is.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    if !isShared { coupling.own(site.parameters[.weight], axis: 0, site.inputs[0], as: .statistic) }
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    let slopes = parameters.required(.weight).doubles
    return inputs[0].enumerated().map { channel, value in
      value.map { $0 > 0 ? $0 : slopes[isShared ? 0 : channel] * $0 }
    }
  }
}
