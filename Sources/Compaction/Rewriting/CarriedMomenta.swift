import Networks
import Torch

extension Compacted {
  /// What a training remembers of the given network's parameters, for those of the compact one.
  ///
  /// Momenta of what stays are cut like the parameters. Where a matrix W became factors, theirs follow from its momentum
  /// by the chain rule, as a momentum is a mean of gradients: V·Mᵀ and Uᵀ·V for W = U·M with the momentum V of W. Where a
  /// pair was cut to a lower rank they follow its new basis (see `FactorBasis`). Biases that took in constants start from
  /// nothing.
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
      guard let carried = carry(matrices.compactMap(\.self), layer, factors) else { continue }
      for (name, momentum) in zip(names, carried) { result[name] = momentum.to(type) }
    }
    return result.filter { $0.value.shape == network.parameters[$0.key]?.shape }
  }

  /// The momenta of the factors, in their shapes; nil where one is missing.
  private func carry(_ momenta: [Tensor], _ layer: MatrixLayer, _ factors: Factorization) -> [Tensor]? {
    guard momenta.count == layer.weights.count else { return nil }
    guard layer.isFactorized else { return factors.momenta(ofProduct: momenta[0]) }
    let old = layer.weights.compactMap {
      rewrite.narrow.parameters[$0]?.to(.float64).unfolded
    }
    let basis = factors.basis(first: old[0], second: old[1])
    let carried = [basis.carriedFirst(momenta[0]), basis.carriedSecond(momenta[1])]
    return zip(carried, factors.factors).map { $0.reshaped($1.shape) }
  }
}

extension Factorization {
  /// The gradients of ⟨V, product of the factors⟩.
  ///
  /// - Parameter momentum: V, N × S in float64.
  fileprivate func momenta(ofProduct momentum: Tensor) -> [Tensor] {
    let leaves = factors.map(\.leaf)
    return (leaves.product.unfolded * momentum).sum.gradients(of: leaves)
  }

  /// How the factors M and U of a pair became these, its product's.
  fileprivate func basis(first: Tensor, second: Tensor) -> FactorBasis {
    let inverse = sigma.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }
    return FactorBasis(
      first: first, second: second, left: factors[1].unfolded * Tensor(inverse, shape: [1, inverse.count]),
      right: factors[0].unfolded * Tensor(inverse, shape: [inverse.count, 1]), sigma: sigma, kept: sigma)
  }
}
