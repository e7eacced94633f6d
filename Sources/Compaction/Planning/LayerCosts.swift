import Networks

extension Survey.Layer {
  /// What the network's cost changes by when the layer is factorised.
  func change(to rank: Int, _ scheme: Scheme) -> Cost {
    guard let cut = cuts.first(where: { $0.scheme == scheme }) else {
      let fewer = rank * perRank - weights
      let between = (rank - (factorizedRank ?? 0)) * positions
      return Cost(parameters: fewer, macs: fewer * positions, activationBytes: 4 * between)
    }
    // A pair has its values between the factors already.
    let held = (factorizedRank ?? 0) * cut.perRank.activationBytes
    return Cost(
      parameters: rank * cut.perRank.parameters - weights, macs: rank * cut.perRank.macs - weights * positions,
      activationBytes: rank * cut.perRank.activationBytes - held)
  }

  /// The scheme and rank of the fewest weights whose error is no larger than that of the paper's unfolding at `rank`;
  /// nil where none has fewer than the layer.
  ///
  /// Unfoldings are compared by the Frobenius error of the weight: their Σσ say nothing about each other.
  func cheapest(atErrorOf rank: Int) -> (rank: Int, scheme: Scheme)? {
    // Rounding must not take the paper's unfolding for worse than itself.
    let allowed = spectrum.error(of: rank) * (1 + 1e-9) + 1e-12 * spectrum.error(of: 0)
    let found = cuts.compactMap { cut -> (rank: Int, scheme: Scheme, weights: Int)? in
      guard let enough = (1...cut.spectrum.values.count).first(where: { cut.spectrum.error(of: $0) <= allowed }) else {
        return nil
      }
      return (enough, cut.scheme, enough * cut.perRank.parameters)
    }
    guard let best = found.min(by: { $0.weights < $1.weights }), best.weights < weights else { return nil }
    return (best.rank, best.scheme)
  }
}
