import CTorch

extension Tensor {
  /// The product of N×K and K×M; axes in front of the last two are batches and are spread.
  public func matmul(_ other: Tensor) -> Tensor { calling(self, other, ct_matmul) }

  /// ‖x‖₂ over all elements.
  public var norm: Double { (self * self).sum.item.squareRoot() }

  /// Eigenvalues, ascending, and eigenvectors (columns) of a symmetric matrix.
  ///
  /// - Throws: `TorchError` when the iteration does not converge, as on NaN.
  public func symmetricEigen() throws -> (values: Tensor, vectors: Tensor) {
    var values: OpaquePointer?
    var vectors: OpaquePointer?
    let done = withExtendedLifetime(storage) { ct_eigh(storage.pointer, &values, &vectors) }
    guard done else { throw TorchError(message: String(cString: ct_last_error())) }
    return (Tensor(owning: values), Tensor(owning: vectors))
  }

  /// Eigenvalues of a symmetric matrix, ascending.
  public func symmetricEigenvalues() throws -> Tensor {
    try withExtendedLifetime(storage) { try Tensor(checking: ct_eigvalsh(storage.pointer)) }
  }

  /// The thin decomposition Q·R of an n × m matrix: orthonormal columns, n × min(n, m), and an upper triangle.
  ///
  /// - Throws: `TorchError` on NaN.
  public func orthogonalTriangular() throws -> (q: Tensor, r: Tensor) {
    var (q, r): (OpaquePointer?, OpaquePointer?) = (nil, nil)
    let done = withExtendedLifetime(storage) { ct_qr(storage.pointer, &q, &r) }
    guard done else { throw TorchError(message: String(cString: ct_last_error())) }
    return (Tensor(owning: q), Tensor(owning: r))
  }

  /// The lower triangle L of a symmetric positive definite matrix L·Lᵀ.
  ///
  /// - Throws: `TorchError` when the matrix is not positive definite, as on NaN.
  public func choleskyTriangle() throws -> Tensor {
    try withExtendedLifetime(storage) { try Tensor(checking: ct_cholesky(storage.pointer)) }
  }

  /// L⁻¹·B of this lower triangle L, or L⁻ᵀ·B; what lies above the diagonal is not read.
  ///
  /// - Parameters:
  ///   - right: B, n × m of an n × n triangle.
  ///   - transposed: whether it is Lᵀ that is solved for.
  public func solvingTriangle(_ right: Tensor, transposed: Bool = false) -> Tensor {
    calling(self, right) { ct_solve_triangle($0, $1, transposed) }
  }

  /// The thin singular value decomposition U·diag(σ)·Vᵀ, σ descending; `vTransposed` has one row per σ.
  ///
  /// - Throws: `TorchError` when the iteration does not converge, as on NaN.
  public func singularValueDecomposition() throws -> (u: Tensor, sigma: Tensor, vTransposed: Tensor) {
    var u: OpaquePointer?
    var sigma: OpaquePointer?
    var vTransposed: OpaquePointer?
    let done = withExtendedLifetime(storage) { ct_svd(storage.pointer, &u, &sigma, &vTransposed) }
    guard done else { throw TorchError(message: String(cString: ct_last_error())) }
    return (Tensor(owning: u), Tensor(owning: sigma), Tensor(owning: vTransposed))
  }

  /// Singular values, descending.
  public func singularValues() throws -> Tensor {
    try withExtendedLifetime(storage) { try Tensor(checking: ct_svdvals(storage.pointer)) }
  }
}
