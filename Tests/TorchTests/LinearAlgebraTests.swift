import Testing
import Torch

@Suite struct LinearAlgebraTests {
  private let matrix = Tensor.normal([5, 8], dtype: .float64, using: Generator(seed: 1))
  private let broken = Tensor([1.0, .nan, 2, 3, 4, 5], shape: [2, 3])

  @Test func `the singular value decomposition gives the matrix back`() throws {
    let (u, sigma, vTransposed) = try matrix.singularValueDecomposition()
    #expect(u.shape == [5, 5] && sigma.shape == [5] && vTransposed.shape == [5, 8])
    expectClose((u * sigma.reshaped([1, 5])).matmul(vTransposed), matrix, within: 1e-12)
  }

  @Test func `singular values come in descending order`() throws {
    let sigma = try matrix.singularValues().doubles
    #expect(sigma == sigma.sorted(by: >))
    #expect(sigma.count == 5)
  }

  @Test func `eigenvectors of a Gram matrix give it back`() throws {
    let gram = matrix.matmul(matrix.transposed)
    let (lambda, basis) = try gram.symmetricEigen()
    expectClose((basis * lambda.reshaped([1, 5])).matmul(basis.transposed), gram, within: 1e-12)
    #expect(lambda.doubles == lambda.doubles.sorted())
    expectClose(try gram.symmetricEigenvalues(), lambda, within: 1e-12)
  }

  @Test func `a decomposition of NaN throws`() {
    #expect(throws: TorchError.self) { _ = try broken.singularValues() }
    #expect(throws: TorchError.self) { _ = try broken.singularValueDecomposition() }
    #expect(throws: TorchError.self) { _ = try broken.matmul(broken.transposed).symmetricEigen() }
  }

  @Test func `the norm is the root of the sum of squares`() {
    #expect(Tensor([3.0, 0, 0, 4], shape: [2, 2]).norm == 5)
  }
}
