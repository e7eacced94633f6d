import Networks
import Torch

/// What an error of a layer's matrix W counts: as much as it changes what the layer gives for images.
///
/// E‖D·(W − W_r)·x‖² = ‖D·(W − W_r)·K^½‖²_F with the patches x that the layer reads, K = E[xxᵀ] and D the scale that
/// the batch norm behind gives each unit. Of all matrices of rank r, W_r = D⁻¹·U_r·U_rᵀ·D·W is the best, U being the
/// eigenvectors of D·W·K·Wᵀ·D: the principal components of the activations (Zhang et al. 2016, "Accelerating Very Deep
/// Convolutional Networks for Classification and Detection", eq. 4). Decompositions whose second factor sums over taps
/// as well take K of the first factor's patches, as if taps did not correlate. Of more than two factors no unfolding is
/// cut: errors count for whole patches (`MeasuredKernel`).
struct ActivationNorm: Sendable {
  /// D, a number for each unit; none is so small that its unit would be lost.
  private let scale: [Double]
  /// Of the weight, N×C×d_h×d_w or N×S.
  private let shape: [Int]
  /// K of the columns of a decomposition's unfolding, in float64.
  private let second: @Sendable (Decomposition) -> Tensor

  /// - Parameters:
  ///   - scale: of each unit.
  ///   - shape: of the layer's weight.
  ///   - second: K of a decomposition, as large on both sides as its unfolding has columns.
  init(scale: [Double], shape: [Int], second: @escaping @Sendable (Decomposition) -> Tensor) {
    // No unit may be lost for good because the batch norm behind makes nothing of it today.
    let floor = 1e-3 * (scale.max() ?? 1)
    self.scale = scale.map { floor > 0 ? max($0, floor) : 1 }
    self.shape = shape
    self.second = second
  }

  /// Added to K's diagonal, for directions that a few images did not show.
  private func ridge(of second: Tensor) -> Double {
    let side = second.shape[0]
    let diagonal = second.reshaped([-1]).slice(axis: 0, from: 0, to: side * side, step: side + 1)
    return max(1e-3 * diagonal.sum.item / Double(side), .leastNormalMagnitude)
  }

  /// The principal components of the activations, orthonormal columns, and the root of each one's energy, descending.
  ///
  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  func components(of matrix: Tensor, as decomposition: Decomposition) throws -> (directions: Tensor, spectrum: Spectrum)
  {
    let scaled = scaled(matrix, decomposition)
    let (rows, columns) = (scaled.shape[0], scaled.shape[1])
    let second = second(decomposition)
    let ridge = ridge(of: second)
    func descending(_ symmetric: Tensor) throws -> (sigma: [Double], vectors: Tensor) {
      let (values, vectors) = try symmetric.symmetricEigen()
      let order = (0..<values.count).reversed().map { $0 }
      return (values.doubles.reversed().map { max(0, $0).squareRoot() }, vectors.selecting(order, axis: 1))
    }
    if rows <= columns {
      let energy = scaled.matmul(second).matmul(scaled.transposed) + scaled.matmul(scaled.transposed) * ridge
      let (sigma, directions) = try descending(energy)
      return (directions, Spectrum(values: sigma, rows: rows, columns: columns))
    }
    let (values, vectors) = try second.symmetricEigen()
    let roots = Tensor(values.doubles.map { (max(0, $0) + ridge).squareRoot() }, shape: [1, columns])
    let activations = scaled.matmul(vectors * roots)
    let (sigma, right) = try descending(activations.transposed.matmul(activations))
    let inverse = Tensor(sigma.map { $0 > 0 ? 1 / $0 : 0 }, shape: [1, sigma.count])
    return (activations.matmul(right) * inverse, Spectrum(values: sigma, rows: rows, columns: columns))
  }

  /// The factors of W_r = D⁻¹·U_r·U_rᵀ·D·W, rows × r and r × columns, as long as one another for each unit of rank.
  ///
  /// - Throws: as `components`.
  func factors(
    of matrix: Tensor, as decomposition: Decomposition, rank: Int
  ) throws -> (second: Tensor, first: Tensor, sigma: [Double]) {
    let (directions, spectrum) = try components(of: matrix, as: decomposition)
    let kept = directions.slice(axis: 1, from: 0, to: rank)
    let first = kept.transposed.matmul(scaled(matrix, decomposition))
    let second = kept / rows(of: decomposition)
    let lengths = zip((first * first).sum(axes: [1]).doubles, (second * second).sum(axes: [0]).doubles)
    let balance = lengths.map { $0 > 0 && $1 > 0 ? ($0 / $1).squareRoot().squareRoot() : 1 }
    return (
      second * Tensor(balance, shape: [1, rank]), first / Tensor(balance, shape: [rank, 1]),
      Array(spectrum.values.prefix(rank))
    )
  }

  /// The kernel of this matrix with D and K of whole patches.
  func kernel(_ matrix: Tensor) -> MeasuredKernel {
    let second = second(.spatialFirst)
    let ridged = second + Tensor.identity(second.shape[0], dtype: .float64) * ridge(of: second)
    return MeasuredKernel(matrix, shape: shape, scale: scale, second: ridged)
  }

  /// ‖D·Δ·K^½‖_F of a difference from the layer's matrix.
  func callAsFunction(_ difference: Tensor, as decomposition: Decomposition) -> Double {
    let cut = decomposition.isPair ? decomposition : .spatialFirst
    let (scaled, second) = (scaled(difference, cut), second(cut))
    let read = scaled.matmul(second) + scaled * ridge(of: second)
    return max(0, (read * scaled).sum.item).squareRoot()
  }

  private func scaled(_ matrix: Tensor, _ decomposition: Decomposition) -> Tensor {
    decomposition.unfolding(matrix, shape) * rows(of: decomposition)
  }

  /// D as a column: in some decompositions every unit has several rows, side by side.
  private func rows(of decomposition: Decomposition) -> Tensor {
    let each = decomposition.rowsPerUnit(shape)
    return Tensor(scale.flatMap { Array(repeating: $0, count: each) }, shape: [scale.count * each, 1])
  }
}

extension Decomposition {
  /// Rows of the unfolding that belong to one unit.
  fileprivate func rowsPerUnit(_ shape: [Int]) -> Int { rows.dropFirst().map { shape[$0] }.reduce(1, *) }
}
