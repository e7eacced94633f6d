import Torch

/// The proximal operator of Σ_n t_n·‖θ_n‖₂: each group is shortened by t_n and those shorter than t_n vanish.
///
/// θ_n ← (1 − t_n/‖θ_n‖₂)₊·θ_n (Alvarez & Salzmann 2016, eq. 5 with α = 0).
public struct GroupThresholding {
  /// The parameters that belong to the group, changed.
  public var parameters: [String: Tensor]
  /// ‖θ_n‖₂ afterwards.
  public var norms: [Double]

  /// - Parameter seen: the parameters that norms are taken of, where pairs are seen as products; nil is the same.
  public init(
    _ group: ChannelGroup, _ parameters: [String: Tensor], seen: [String: Tensor]? = nil, threshold: Double
  ) {
    let before = group.norms(seen ?? parameters)
    let factors = before.map { $0 > threshold ? 1 - threshold / $0 : 0 }
    self.parameters = group.scaled(parameters, by: factors)
    norms = zip(before, factors).map { $0 * $1 }
  }
}
