import Torch

/// γ·(x − mean)/√(variance + ε) + β over the last axes of each image.
///
/// What it normalises is normalised together, so those channels stay.
public struct LayerNorm: Operation, Hashable {
  public static let kind = "layerNorm"
  /// How many axes, from the last one.
  public var axes: Int
  public var epsilon: Double

  public init(axes: Int, epsilon: Double = 1e-5) {
    self.axes = axes
    self.epsilon = epsilon
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard (1...max(1, inputs[0].count)).contains(axes), axes <= inputs[0].count, epsilon >= 0 else {
      throw NetworkError("normalises \(axes) axes of shape \(inputs[0]) with epsilon \(epsilon)")
    }
    let wanted = Array(inputs[0].suffix(axes))
    for role in [Role.weight, .bias] {
      guard let found = parameters[role], found != wanted else { continue }
      throw NetworkError("has a \(role.rawValue) of shape \(found), expected \(wanted)")
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].layerNormalized(axes: axes, scale: parameters[.weight], shift: parameters[.bias], epsilon: epsilon)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    coupling.freeze(site.inputs[0])
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    Array(repeating: .varying, count: inputs[0].count)
  }
}
