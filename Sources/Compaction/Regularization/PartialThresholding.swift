import Torch

/// How what a plan would cut is made smaller; what it keeps stays.
public struct Shrinkage: Sendable, Codable, Equatable {
  public enum Form: String, Sendable, Codable, CaseIterable {
    /// Each is multiplied by 1 − share.
    case multiplicative
    /// Each is lowered by share times the largest of them, and is zero under that.
    case soft
  }

  public var form: Form
  /// Of the size, from 0, which changes nothing, to 1, which leaves nothing.
  public var share: Double

  public init(_ form: Form, share: Double) {
    self.form = form
    self.share = share
  }

  /// The factors on what has these sizes, 0 or more.
  func factors(on sizes: [Double]) -> [Double] {
    switch form {
    case .multiplicative: return sizes.map { _ in 1 - share }
    case .soft:
      let threshold = share * (sizes.max() ?? 0)
      return sizes.map { $0 > threshold ? 1 - threshold / $0 : 0 }
    }
  }
}

/// Makes a matrix's singular values behind the first r smaller and leaves the first r as they are.
///
/// The soft form is the proximal operator of t·Σ_{j>r} σ_j, the partial sum of singular values (Oh, Tai, Bazin, Kim &
/// Kweon 2016, "Partial Sum Minimization of Singular Values in Robust PCA", theorem 1): prox(W) = Σ_{j≤r} σ_j·u_j·v_jᵀ
/// + Σ_{j>r} (σ_j − t)₊·u_j·v_jᵀ, with t = share·σ_{r+1}. As W′ = W − E·diag(1 − f)·Eᵀ·W, with E the eigenvectors of
/// WWᵀ behind the first r, it is one symmetric eigenproblem and leaves what is kept to the last bits.
struct PartialThresholding {
  /// What is to be added to the matrix, on the left of it: W′ = W + change·W; nil where change stands on the right.
  private let left: Tensor?
  private let right: Tensor?

  /// - Parameters:
  ///   - matrix: any, in float64.
  ///   - rank: r, how many singular values stay.
  ///   - onTheLeft: whether the change has to stand on the left, as for the product of two factors.
  /// - Throws: `TorchError` when the decomposition does not converge, as on NaN.
  init(_ matrix: Tensor, rank: Int, _ shrinkage: Shrinkage, onTheLeft: Bool = false) throws {
    let isLeft = onTheLeft || matrix.shape[0] <= matrix.shape[1]
    let gram = isLeft ? matrix.matmul(matrix.transposed) : matrix.transposed.matmul(matrix)
    let (lambda, vectors) = try gram.symmetricEigen()
    // Ascending: those that stay are the last.
    let count = max(0, gram.shape[0] - rank)
    let tail = vectors.slice(axis: 1, from: 0, to: count)
    let sizes = lambda.doubles.prefix(count).map { max(0, $0).squareRoot() }
    let lost = Tensor(shrinkage.factors(on: sizes).map { $0 - 1 }, shape: [1, count])
    let change = count > 0 ? (tail * lost).matmul(tail.transposed) : Tensor.zeros(gram.shape, dtype: .float64)
    (left, right) = isLeft ? (change, nil) : (nil, change)
  }

  /// What `matrix`, that of the initialiser or one with the same rows, is to be changed by.
  func change(of matrix: Tensor) -> Tensor {
    left.map { $0.matmul(matrix) } ?? right.map { matrix.matmul($0) } ?? matrix * 0
  }
}
