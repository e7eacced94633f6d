import Torch

/// Batch normalisation γ·(x − μ)/√(σ² + ε) + β per channel.
public struct BatchNorm: Operation, Hashable {
  public static let kind = "batchNorm"
  public var epsilon: Double
  /// How far the running statistics move towards those of a batch.
  public var momentum: Double

  public init(epsilon: Double = 1e-5, momentum: Double = 0.1) {
    self.epsilon = epsilon
    self.momentum = momentum
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard let channels = inputs[0].first else { throw NetworkError("reads a value without channels") }
    guard epsilon > 0, epsilon.isFinite, (0...1).contains(momentum) else {
      throw NetworkError("has epsilon \(epsilon) and momentum \(momentum), expected epsilon > 0, momentum in 0...1")
    }
    for role in [Role.runningMean, .runningVariance] { _ = try Expect.parameter(role, parameters, rank: 1) }
    for role in [Role.weight, .bias, .runningMean, .runningVariance] {
      try Expect.vector(role, parameters, count: channels)
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let (scale, shift) = (parameters[.weight], parameters[.bias])
    let (mean, variance) = (parameters.required(.runningMean), parameters.required(.runningVariance))
    guard context.mode == .training else {
      return inputs[0].batchNormalized(scale: scale, shift: shift, mean: mean, variance: variance, epsilon: epsilon)
    }
    let (output, newMean, newVariance) = inputs[0].batchNormalizedInTraining(
      scale: scale, shift: shift, mean: mean, variance: variance, momentum: momentum, epsilon: epsilon)
    if hasVariance(inputs[0]) { context.statistics = [.runningMean: newMean, .runningVariance: newVariance] }
    return output
  }

  /// relu(norm(x) + residual) in one go, or the largest value of each window of it.
  func runActivated(
    _ x: Tensor, adding residual: Tensor?, window: [Int], _ parameters: NodeParameters, _ context: inout RunContext
  ) -> Tensor {
    let norm = Tensor.ActivatedNorm(
      scale: parameters[.weight], shift: parameters[.bias], mean: parameters.required(.runningMean),
      variance: parameters.required(.runningVariance), momentum: momentum, epsilon: epsilon, window: window)
    guard context.mode == .training else { return norm.evaluated(x, adding: residual) }
    let (output, newMean, newVariance) = norm.trained(x, adding: residual)
    if hasVariance(x) { context.statistics = [.runningMean: newMean, .runningVariance: newVariance] }
    return output
  }

  /// A channel of a single value has no variance, so the running statistics stay: the last batch of an epoch can be one
  /// image, of one pixel behind all strides.
  private func hasVariance(_ x: Tensor) -> Bool { x.shape.count > 1 && x.count > x.shape[1] }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let channels = site.inputs[0]
    for role in [Role.weight, .bias] { coupling.own(site.parameters[role], axis: 0, channels, as: .follower) }
    for role in [Role.runningMean, .runningVariance] {
      coupling.own(site.parameters[role], axis: 0, channels, as: .statistic)
    }
    return channels
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    let (scale, shift) = (parameters[.weight]?.doubles, parameters[.bias]?.doubles)
    let (mean, variance) = (parameters.required(.runningMean).doubles, parameters.required(.runningVariance).doubles)
    return inputs[0].indices.map { channel in
      let (gamma, beta) = (scale?[channel] ?? 1, shift?[channel] ?? 0)
      if gamma == 0 { return .constant(beta) }
      guard case .constant(let x) = inputs[0][channel] else { return .varying }
      return .constant(beta + gamma * (x - mean[channel]) / (variance[channel] + epsilon).squareRoot())
    }
  }
}
