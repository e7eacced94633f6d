import Torch

/// x·Wᵀ + b along the last axis, as for a vector or for every token of a list; its weight is units × inputs.
public struct Linear: Operation, Hashable {
  public static let kind = "linear"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    let weight = try Expect.parameter(.weight, parameters, rank: 2)
    try Expect.vector(.bias, parameters, count: weight[0])
    try Expect.vector(.weightScale, parameters, count: weight[0])
    guard inputs[0].last == weight[1], weight[0] > 0 else {
      throw NetworkError("has a weight of shape \(weight), but reads shape \(inputs[0]), expected [\(weight[1])]")
    }
    return inputs[0].dropLast() + [weight[0]]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].linear(parameters.roundedWeight, bias: parameters[.bias])
  }

  public var quantizationRule: QuantizationRule { .computes(resultMayBeFloat: true) }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int {
    output.dropLast().reduce(1, *) * (parameters[.weight] ?? []).reduce(1, *)
  }

  /// Units are channels along the last axis, of a vector and of each token.
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    let last = max(0, shapes[0].count - 1)
    return ChannelAxes(inputs: [[last]], output: [last])
  }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let units = coupling.makeChannels(site.count)
    coupling.own(site.parameters[.weight], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.bias], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.weightScale], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.weight], axis: 1, site.inputs[0], as: .reader)
    return units
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    affineValues(
      of: inputs[0], weight: parameters.roundedWeight, bias: parameters[.bias], groups: 1,
      changesConstants: false)
  }
}
