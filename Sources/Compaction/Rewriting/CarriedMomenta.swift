import Networks
import Torch

extension Compacted {
  /// What a training remembers of the given network's parameters, for those of the compact one.
  ///
  /// Momenta of what stays are cut like the parameters. Where a matrix W became U·M, with the momentum V of W, those of
  /// the factors are V·Mᵀ and Uᵀ·V: a momentum is a mean of gradients, and that is the chain rule. Where a pair was cut
  /// to a lower rank they follow its new basis (see `FactorBasis`). Biases that took in constants start from nothing.
  ///
  /// - Parameter momenta: by parameter, in the shapes of the given network; linear in the gradients, as SGD's are.
  public func carrying(_ momenta: [String: Tensor]) -> [String: Tensor] {
    let coupling = rewrite.removable.coupling
    var result = Network.selecting(momenta, along: coupling.axes) {
      rewrite.removable.channels.contains(coupling.representative($0)) ? 0 : 1
    }
    for (layer, factors) in rewrite.layers {
      let old = layer.weights
      let matrices = old.map { result[$0]?.to(.float64).unfolded }
      let type = result[old[0]]?.dtype ?? .float32
      for name in old { result[name] = nil }
      let names = network.layer(named: layer.name).weights
      let carried = carry(matrices, layer, factors)
      guard let first = carried.first, let second = carried.second else { continue }
      let shaped = factors.decomposition.weights(first, second, layer.shape)
      for (name, momentum) in zip(names, [shaped.first, shaped.second]) { result[name] = momentum.to(type) }
    }
    return result.filter { $0.value.shape == network.parameters[$0.key]?.shape }
  }

  private func carry(
    _ momenta: [Tensor?], _ layer: MatrixLayer, _ factors: Factorization
  ) -> (first: Tensor?, second: Tensor?) {
    guard layer.isFactorized else {
      let v = momenta[0].map { factors.decomposition.unfolding($0, layer.shape) }
      return (v.map { factors.second.transposed.matmul($0) }, v.map { $0.matmul(factors.first.transposed) })
    }
    let old = layer.weights.compactMap {
      rewrite.narrow.parameters[$0]?.to(.float64).unfolded
    }
    let basis = factors.basis(first: old[0], second: old[1])
    return (momenta[0].map(basis.carriedFirst), momenta[1].map(basis.carriedSecond))
  }
}

extension Factorization {
  /// How the factors M and U of a pair became these, its product's.
  fileprivate func basis(first: Tensor, second: Tensor) -> FactorBasis {
    let inverse = sigma.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }
    return FactorBasis(
      first: first, second: second, left: self.second * Tensor(inverse, shape: [1, inverse.count]),
      right: self.first * Tensor(inverse, shape: [inverse.count, 1]), sigma: sigma, kept: sigma)
  }
}
