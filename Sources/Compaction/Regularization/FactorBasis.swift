import Torch

/// How two factors U (N × r) and M (r × S) became U′ and M′, of the same product but for singular values that fell.
///
/// With UM = A·diag(σ)·Bᵀ and new values σ′ ≤ σ the new factors are U′ = A√Σ′ and M′ = √Σ′Bᵀ. Where nothing was cut off
/// that is U′ = U·P and M′ = Q·M with P = M·B·diag(√σ′/σ) and Q = diag(√σ′/σ)·Aᵀ·U. A momentum is a mean of gradients;
/// those of the factors are G·Mᵀ and Uᵀ·G by the chain rule, so they follow as V_U·Qᵀ and Pᵀ·V_M.
public struct FactorBasis: Sendable {
  /// P, r × r′.
  let p: Tensor
  /// Q, r′ × r.
  let q: Tensor

  /// - Parameters:
  ///   - first: M, r × S.
  ///   - second: U, N × r.
  ///   - left: A, N × r′.
  ///   - right: Bᵀ, r′ × S.
  ///   - sigma: the singular values of UM, r′ of them.
  ///   - kept: σ′; a direction of 0 is gone.
  init(first: Tensor, second: Tensor, left: Tensor, right: Tensor, sigma: [Double], kept: [Double]) {
    let scale = zip(sigma, kept).map { $0 > 0 && $1 > 0 ? $1.squareRoot() / $0 : 0 }
    p = first.matmul(right.transposed) * Tensor(scale, shape: [1, scale.count])
    q = left.transposed.matmul(second) * Tensor(scale, shape: [scale.count, 1])
  }

  /// The momentum of M′ from that of M, r × S, in float64.
  func carriedFirst(_ momentum: Tensor) -> Tensor { p.transposed.matmul(momentum) }

  /// The momentum of U′ from that of U, N × r, in float64.
  func carriedSecond(_ momentum: Tensor) -> Tensor { momentum.matmul(q.transposed) }
}
