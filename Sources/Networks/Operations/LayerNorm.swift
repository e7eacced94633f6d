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

  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] {
    ties.freeze(site.inputs[0])
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    Array(repeating: .varying, count: inputs[0].count)
  }
}

/// exp(x) divided by its sum along an axis.
public struct Softmax: Operation, Hashable {
  public static let kind = "softmax"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].indices.contains(axis) else { throw NetworkError("sums axis \(axis) of shape \(inputs[0])") }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].softmax(axis: axis + 1)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] {
    if axis == 0 { ties.freeze(site.inputs[0]) }
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    Array(repeating: .varying, count: inputs[0].count)
  }
}

/// The mean along some axes, which stay with one element each.
public struct Mean: Operation, Hashable {
  public static let kind = "mean"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard !axes.isEmpty, Set(axes).count == axes.count, axes.allSatisfy(inputs[0].indices.contains) else {
      throw NetworkError("takes the mean along axes \(axes) of shape \(inputs[0])")
    }
    return inputs[0].indices.map { axes.contains($0) ? 1 : inputs[0][$0] }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let count = axes.map { inputs[0].shape[$0 + 1] }.reduce(1, *)
    return inputs[0].sum(axes: axes.map { $0 + 1 }, keepingAxes: true) / Double(max(1, count))
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] {
    guard axes.contains(0) else { return site.inputs[0] }
    ties.freeze(site.inputs[0])
    return ties.makeFrozenChannels(1)
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    axes.contains(0) ? [.varying] : inputs[0]
  }
}
