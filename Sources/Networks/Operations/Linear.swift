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

  /// Units are channels of a vector; of tokens they lie along another axis than channels do, and stay.

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard site.outputShape.count == 1 else {
      coupling.freeze(site.inputs[0])
      return coupling.makeFrozenChannels(site.outputShape[0])
    }
    let units = coupling.makeChannels(site.outputShape[0])
    coupling.own(site.parameters[.weight], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.bias], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.weightScale], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.weight], axis: 1, site.inputs[0], as: .reader)
    return units
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    guard shapes[0].count == 1 else { return Array(repeating: .varying, count: shapes[0][0]) }
    return affineValues(
      of: inputs[0], weight: parameters.roundedWeight, bias: parameters[.bias], groups: 1,
      changesConstants: false)
  }
}
