import Torch

/// The proximal operator of t·‖UM‖_* on the product of two factors, which stay two factors.
///
/// The product's singular values are those of the small matrix R₁R₂ᵀ, from U = Q₁R₁ and Mᵀ = Q₂R₂; they are lowered by
/// t as in `SingularValueThresholding`, and the new factors are balanced. The rank of the pair stays r in shape;
/// directions that vanished are zero in both factors and get no gradient any more, so ranks only fall.
public struct PairThresholding: Sendable {
  /// M′ = √Σ′Bᵀ, r × S.
  public var first: Tensor
  /// U′ = A√Σ′, N × r.
  public var second: Tensor
  /// The singular values of the product afterwards, descending.
  public var spectrum: Spectrum
  /// How momenta follow.
  public var basis: FactorBasis

  /// - Parameters:
  ///   - first: M, r × S.
  ///   - second: U, N × r.
  ///   - threshold: t·τ, 0 or more.
  /// - Throws: `TorchError` when the decomposition does not converge, as on NaN.
  public init(first: Tensor, second: Tensor, threshold: Double) throws {
    let (m, u) = (first.to(.float64), second.to(.float64))
    let rank = m.shape[0]
    let (q1, r1) = try u.orthogonalTriangular()
    let (q2, r2) = try m.transposed.orthogonalTriangular()
    let (a, sigma, b) = try r1.matmul(r2.transposed).singularValueDecomposition()
    let (left, right) = (q1.matmul(a), b.matmul(q2.transposed))
    let values = sigma.doubles
    let kept = values.map { max(0, $0 - threshold) }
    let roots = kept.map { $0.squareRoot() }
    let newSecond = left * Tensor(roots, shape: [1, roots.count])
    let newFirst = right * Tensor(roots, shape: [roots.count, 1])
    self.second = newSecond.padded(to: rank, axis: 1).to(second.dtype)
    self.first = newFirst.padded(to: rank, axis: 0).to(first.dtype)
    spectrum = Spectrum(values: kept, rows: u.shape[0], columns: m.shape[1])
    basis = FactorBasis(
      first: m, second: u, left: left.padded(to: rank, axis: 1), right: right.padded(to: rank, axis: 0),
      sigma: values.padded(to: rank), kept: kept.padded(to: rank))
  }
}

extension Tensor {
  /// Zeros behind the end of `axis`, where it is shorter than `count`: a layer can have fewer units than its pair has
  /// ranks.
  fileprivate func padded(to count: Int, axis: Int) -> Tensor {
    guard shape[axis] < count else { return self }
    var missing = shape
    missing[axis] = count - shape[axis]
    return Tensor.concatenated([self, Tensor.zeros(missing, dtype: dtype)], axis: axis)
  }
}

extension [Double] {
  fileprivate func padded(to count: Int) -> [Double] {
    self + Array(repeating: 0, count: Swift.max(0, count - self.count))
  }
}
