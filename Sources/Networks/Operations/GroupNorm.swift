import Torch

/// γ·(x − mean)/√(variance + ε) + β with mean and variance over groups of channels and all pixels of an image; with one
/// channel in each group it is instance normalisation.
///
/// What is normalised together is there together: a group's channels live and die as one.
public struct GroupNorm: Operation, Hashable {
  public static let kind = "groupNorm"
  public var groups: Int
  public var epsilon: Double

  public init(groups: Int, epsilon: Double = 1e-5) { (self.groups, self.epsilon) = (groups, epsilon) }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].count > 1 else {
      throw NetworkError("reads shape \(inputs[0]), expected channels and one axis of pixels or more")
    }
    guard groups > 0, inputs[0][0] % groups == 0, epsilon > 0, epsilon.isFinite else {
      throw NetworkError("normalises \(inputs[0][0]) channels in \(groups) groups with epsilon \(epsilon)")
    }
    for role in [Role.weight, .bias] { try Expect.vector(role, parameters, count: inputs[0][0]) }
    guard (parameters[.weight] == nil) == (parameters[.bias] == nil) else {
      throw NetworkError("has one of weight and bias, expected both or neither")
    }
    return inputs[0]
  }

  /// libtorch's own group norm crashes on some float64 images in channels-last.
  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let x = inputs[0]
    let normalized = x.reshaped([x.shape[0], groups, -1])
      .layerNormalized(axes: 1, scale: nil, shift: nil, epsilon: epsilon).reshaped(x.shape)
    guard let scale = parameters[.weight], let shift = parameters[.bias] else { return normalized }
    let column = [-1] + Array(repeating: 1, count: x.shape.count - 2)
    return normalized * scale.reshaped(column) + shift.reshaped(column)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let channels = site.inputs[0]
    for role in [Role.weight, .bias] { coupling.own(site.parameters[role], axis: 0, channels, as: .follower) }
    let size = channels.count / groups
    // The last group cannot go, so an only one has nothing to tell of.
    if groups == 1 { coupling.freeze(channels) }
    for group in 0..<groups where size > 1 { coupling.couple(channels[group * size..<(group + 1) * size]) }
    return channels
  }

  /// Groups that are left; 0, which no network can have, where groups would differ in size.
  public func resized(inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int) -> GroupNorm
  {
    let size = output.count / groups
    var result = self
    guard size > 1 else {
      result.groups = output.map(copies).reduce(0, +)
      return result
    }
    let sizes = (0..<groups).map { output[$0 * size..<($0 + 1) * size].map(copies).reduce(0, +) }.filter { $0 > 0 }
    result.groups = Set(sizes).count == 1 ? sizes.count : 0
    return result
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    let (scale, shift) = (parameters[.weight]?.doubles, parameters[.bias]?.doubles)
    let size = inputs[0].count / groups
    return (0..<groups).flatMap { group -> [ChannelValue] in
      let places = group * size..<(group + 1) * size
      let constants = places.compactMap { if case .constant(let x) = inputs[0][$0] { x } else { nil } }
      let mean = constants.reduce(0, +) / Double(size)
      let variance = constants.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(size)
      return places.map { channel in
        let (gamma, beta) = (scale?[channel] ?? 1, shift?[channel] ?? 0)
        if gamma == 0 { return .constant(beta) }
        guard constants.count == size else { return .varying }
        let x = constants[channel - places.lowerBound]
        return .constant(beta + gamma * (x - mean) / (variance + epsilon).squareRoot())
      }
    }
  }
}

extension GroupNorm: NormalizingOperation {
  public var keepsStatistics: Bool { false }

  public func scale(_ parameters: NodeParameters) -> [Double]? { nil }

  public func followingLastBatch() -> GroupNorm { self }
}
