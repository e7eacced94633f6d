import Networks
import Torch

/// A layer's kernel W with what an error of it counts: ‖D·(W − W̃)·K^½‖, K = E[xxᵀ] of whole patches x and D the scale
/// of each unit (`ActivationNorm`), or the Frobenius norm.
///
/// Unlike an unfolding that is cut, a Tucker decomposition has no second factor whose taps could be taken for
/// uncorrelated: the core reads all taps at once, so K is that of whole patches.
struct MeasuredKernel {
  /// D·W as N × taps × C, in float64.
  let values: Tensor
  /// K in the order of `values`, taps·C on both sides and positive definite; nil is the identity.
  let second: Tensor?
  /// D, of each unit.
  let scale: [Double]
  /// N×C×d_h×d_w.
  let shape: [Int]

  var units: Int { shape[0] }
  var inputs: Int { shape[1] }
  var taps: Int { values.shape[1] }

  /// - Parameters:
  ///   - matrix: W, N × S in float64.
  ///   - second: K in the order of the matrix, S × S.
  init(_ matrix: Tensor, shape: [Int], scale: [Double], second: Tensor?) {
    let (units, inputs) = (shape[0], shape[1])
    let taps = shape.dropFirst(2).reduce(1, *)
    let scaled = matrix * Tensor(scale, shape: [units, 1])
    values = scaled.reshaped([units, inputs, taps]).permuted([0, 2, 1]).contiguous
    self.second = second.map {
      $0.reshaped([inputs, taps, inputs, taps]).permuted([1, 0, 3, 2]).reshaped([taps * inputs, taps * inputs])
    }
    (self.shape, self.scale) = (shape, scale)
  }

  /// In the norm, or as long as all directions count alike.
  init(_ matrix: Tensor, shape: [Int], in norm: ActivationNorm?) {
    let plain = MeasuredKernel(
      matrix, shape: shape, scale: Array(repeating: 1, count: shape[0]), second: nil)
    self = norm?.kernel(matrix) ?? plain
  }

  /// X·K, of rows as `values` has them, flattened.
  func weighed(_ rows: Tensor) -> Tensor { second.map { rows.matmul($0) } ?? rows }

  /// ‖D·W·K^½‖².
  var energy: Double {
    let flat = values.flattened(from: 1)
    return (weighed(flat) * flat).sum.item
  }

  /// The directions of the inputs by what W makes of them, the most important first, one a row: C × C.
  ///
  /// They are those of the HOSVD (De Lathauwer, De Moor & Vandewalle 2000) of D·W·(K_t ⊗ K_c)^½, where the correlations
  /// of taps and of inputs are taken for separable, K ≈ K_t ⊗ K_c; of K that is used here alone.
  ///
  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  func inputDirections() throws -> Tensor {
    func gram(_ taps: Tensor?) -> Tensor {
      let weighed = taps.map { $0.matmul(values) } ?? values
      return values.reshaped([-1, inputs]).transposed.matmul(weighed.reshaped([-1, inputs]))
    }
    guard let (tapMoment, inputMoment) = separated else { return try gram(nil).descendingEigenvectors().transposed }
    let (lambda, vectors) = try inputMoment.symmetricEigen()
    let roots = lambda.doubles.map { max($0, .leastNormalMagnitude).squareRoot() }
    let root = vectors * Tensor(roots, shape: [1, inputs])
    let inverse = vectors / Tensor(roots, shape: [1, inputs])
    // In the basis of the eigenvectors K_c^½ is a scaling.
    let directions = try root.transposed.matmul(gram(tapMoment)).matmul(root).descendingEigenvectors()
    return directions.transposed.matmul(inverse.transposed)
  }

  /// K_t and K_c of K ≈ K_t ⊗ K_c, the means over the other's diagonal.
  private var separated: (taps: Tensor, inputs: Tensor)? {
    guard let second else { return nil }
    let blocks = second.reshaped([taps, inputs, taps, inputs]).permuted([0, 2, 1, 3])
    let diagonals = blocks.reshaped([taps * taps, -1]).slice(axis: 1, from: 0, to: inputs * inputs, step: inputs + 1)
    let ofInputs = blocks.reshaped([taps * taps, -1]).slice(axis: 0, from: 0, to: taps * taps, step: taps + 1)
    return (
      diagonals.sum(axes: [1]).reshaped([taps, taps]) / Double(inputs),
      ofInputs.sum(axes: [0]).reshaped([inputs, inputs]) / Double(taps)
    )
  }
}

/// What is left of a layer behind a first factor that reads C inputs as r channels, without loss behind it.
struct FirstFactor {
  /// r × C.
  let weight: Tensor
  /// T, N × (r·taps): the best that can follow is T·L⁻¹, and ‖T‖² is the energy that it keeps. The first s·taps columns
  /// are those of the first s channels alone.
  let activations: Tensor
  /// L with L·Lᵀ = E[zzᵀ] of the patches z of the channels; nil is the identity.
  private let triangle: Tensor?

  /// - Parameter weight: r × C of rank r; other rows of the same span where K is the identity.
  /// - Throws: `TorchError` when a decomposition fails, as on NaN.
  init(_ weight: Tensor, of kernel: MeasuredKernel) throws {
    let (ranks, taps) = (weight.shape[0], kernel.taps)
    /// Rows of taps × C, read by the factor: channels × taps.
    func read(_ rows: Tensor, by weight: Tensor) -> Tensor {
      rows.reshaped([-1, kernel.inputs]).matmul(weight.transposed).reshaped([-1, taps, ranks]).permuted([0, 2, 1])
        .reshaped([-1, ranks * taps])
    }
    guard let second = kernel.second else {
      let own = try weight.transposed.orthogonalTriangular().q.transposed
      (self.weight, triangle, activations) = (own, nil, read(kernel.values, by: own))
      return
    }
    let crossed = read(second, by: weight)
    let lower = try read(crossed.transposed, by: weight).choleskyTriangle()
    let given = kernel.values.flattened(from: 1).matmul(crossed)
    (self.weight, triangle) = (weight, lower)
    activations = lower.solvingTriangle(given.transposed).transposed
  }

  /// X·L⁻¹, of rows as `activations` has them.
  func unwhitened(_ rows: Tensor) -> Tensor {
    triangle.map { $0.solvingTriangle(rows.transposed, transposed: true).transposed } ?? rows
  }
}

extension Tensor {
  /// The eigenvectors of a symmetric matrix as columns, those of the largest eigenvalues first.
  func descendingEigenvectors() throws -> Tensor {
    let vectors = try symmetricEigen().vectors
    return vectors.selecting((0..<shape[0]).reversed().map { $0 }, axis: 1)
  }
}
