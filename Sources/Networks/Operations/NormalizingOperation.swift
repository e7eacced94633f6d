import Torch

/// An operation that takes the mean from values and divides them by their standard deviation.
///
/// Where it keeps statistics, each channel is normalised by itself, and outside of training by running means: then it
/// can be folded into the layer before it, and has to be measured again when that layer changes. Where it does not,
/// every image is normalised by its own values.
public protocol NormalizingOperation: Operation {
  /// Whether running statistics of each channel are kept.
  var keepsStatistics: Bool { get }

  /// |γ|/√(σ² + ε), by which each channel is scaled; nil where that depends on the image.
  func scale(_ parameters: NodeParameters) -> [Double]?

  /// The operation with statistics that are those of the last batch alone.
  func followingLastBatch() -> Self
}

extension BatchNorm: NormalizingOperation {
  public var keepsStatistics: Bool { true }

  public func scale(_ parameters: NodeParameters) -> [Double]? {
    let variance = parameters.required(.runningVariance).doubles
    let gamma = parameters[.weight]?.doubles ?? [Double](repeating: 1, count: variance.count)
    return zip(gamma, variance).map { abs($0) / ($1 + epsilon).squareRoot() }
  }

  public func followingLastBatch() -> BatchNorm { BatchNorm(epsilon: epsilon, momentum: 1) }
}

extension LayerNorm: NormalizingOperation {
  public var keepsStatistics: Bool { false }

  public func scale(_ parameters: NodeParameters) -> [Double]? { nil }

  public func followingLastBatch() -> LayerNorm { self }
}

extension Node {
  /// Whether it is a norm that keeps running statistics, as batch norm does.
  public var keepsStatistics: Bool { (operation as? any NormalizingOperation)?.keepsStatistics ?? false }
}
