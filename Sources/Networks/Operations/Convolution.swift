import Torch

/// A two-dimensional convolution; its weight is units × inputs/groups × d_h × d_w.
public struct Convolution: Operation, Hashable {
  public static let kind = "convolution"
  public var geometry: ConvolutionGeometry

  public init(_ geometry: ConvolutionGeometry = ConvolutionGeometry()) { self.geometry = geometry }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    let weight = try geometry.weight(reading: inputs, parameters)
    try Expect.vector(.weightScale, parameters, count: weight[0])
    return [weight[0]] + (try extent(inputs[0], kernel: Array(weight[2...])))
  }

  private func extent(_ input: [Int], kernel: [Int]) throws -> [Int] {
    try (0..<2).map { axis in
      let reach = geometry.dilation[axis] * (kernel[axis] - 1) + 1
      let room = input[axis + 1] + 2 * geometry.padding[axis] - reach
      guard kernel[axis] > 0, room >= 0 else {
        throw NetworkError("has a kernel of \(kernel) that does not fit into \(input[1...].map { $0 }) pixels")
      }
      return room / geometry.stride[axis] + 1
    }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].convolved(with: parameters.roundedWeight, bias: parameters[.bias], geometry)
  }

  public var quantizationRule: QuantizationRule { .computes(resultMayBeFloat: false) }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int {
    (parameters[.weight] ?? []).reduce(1, *) * output[1] * output[2]
  }

  /// Output units are new channels. A depthwise convolution couples each unit to its input; other grouped convolutions
  /// lose whole groups, so everything in a group is coupled.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let input = site.inputs[0]
    let units = coupling.makeChannels(site.outputShape[0])
    coupling.own(site.parameters[.weight], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.bias], axis: 0, units, as: .unit)
    coupling.own(site.parameters[.weightScale], axis: 0, units, as: .unit)
    if geometry.groups == 1 {
      coupling.own(site.parameters[.weight], axis: 1, input, as: .reader)
    } else {
      let (reads, makes) = (input.count / geometry.groups, units.count / geometry.groups)
      for group in 0..<geometry.groups {
        coupling.couple(input[group * reads..<(group + 1) * reads] + units[group * makes..<(group + 1) * makes])
      }
    }
    return units
  }

  public func resized(inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int)
    -> Convolution
  {
    guard geometry.groups > 1 else { return self }
    var result = self
    result.geometry.groups = output.map(copies).reduce(0, +) * geometry.groups / output.count
    return result
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    let weight = parameters.roundedWeight
    let padded = geometry.padding.contains { $0 > 0 }
    return affineValues(
      of: inputs[0], weight: weight.flattened(from: 2), bias: parameters[.bias], groups: geometry.groups,
      changesConstants: padded)
  }
}

/// What the units of a linear map carry; `weight` is units × inputs/groups (× taps).
///
/// With `changesConstants` (zero padding) a non-zero constant that is read becomes something that varies at the border.
func affineValues(
  of input: [ChannelValue], weight: Tensor, bias: Tensor?, groups: Int, changesConstants: Bool
) -> [ChannelValue] {
  let (units, reads) = (weight.shape[0], weight.shape[1])
  let taps = weight.reshaped([units, reads, -1])
  let magnitude = taps.magnitude.sum(axes: [2]).doubles
  let bias = bias?.doubles
  return (0..<units).map { unit in
    let first = unit / (units / groups) * reads
    var constants: [(read: Int, number: Double)] = []
    for read in 0..<reads where magnitude[unit * reads + read] != 0 {
      guard case .constant(let constant) = input[first + read], constant == 0 || !changesConstants else {
        return .varying
      }
      constants.append((read, constant))
    }
    guard !constants.isEmpty else { return .constant(bias?[unit] ?? 0) }
    // Few units read constants alone.
    let totals = taps.slice(axis: 0, from: unit, to: unit + 1).to(.float64).sum(axes: [0, 2]).doubles
    return .constant(constants.reduce(bias?[unit] ?? 0) { $0 + $1.number * totals[$1.read] })
  }
}

extension ConvolutionGeometry {
  /// The shape of a weight, units first, that goes with what is read, transposed or not.
  ///
  /// - Throws: `NetworkError` when it, the bias or the geometry does not fit.
  func weight(reading inputs: [[Int]], _ parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    try Expect.image(inputs[0])
    let weight = try Expect.parameter(.weight, parameters, rank: 4)
    try Expect.pair(stride, "stride", atLeast: 1)
    try Expect.pair(padding, "padding", atLeast: 0)
    try Expect.pair(dilation, "dilation", atLeast: 1)
    try Expect.vector(.bias, parameters, count: weight[0])
    guard groups > 0, weight[0] > 0, weight[0] % groups == 0, weight[1] * groups == inputs[0][0] else {
      throw NetworkError("has a weight of shape \(weight) in \(groups) groups, but reads \(inputs[0][0]) channels")
    }
    return weight
  }
}
