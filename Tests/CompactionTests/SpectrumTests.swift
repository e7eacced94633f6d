import Compaction
import Testing
import Torch

@Suite struct SpectrumTests {
  private let spectrum = Spectrum(values: [4, 3, 2, 1], rows: 4, columns: 10)

  @Test func `the rank leaves out what rounding of float32 makes`() throws {
    #expect(Spectrum(values: [1, 1e-5, 1e-8], rows: 3, columns: 3).rank == 2)
    #expect(Spectrum(values: [0, 0], rows: 2, columns: 2).rank == 0)
    let low = random([60, 5], 1).matmul(random([5, 80], 2)).to(.float32)
    #expect(try Spectrum(of: low).rank == 5)
  }

  @Test func `energy is a share of the sum, or of the sum of squares`() {
    #expect(spectrum.energy(of: 2, .sum) == 0.7)
    #expect(spectrum.energy(of: 2, .squares) == 25.0 / 30)
    #expect(spectrum.energy(of: 4, .sum) == 1)
  }

  @Test func `the rank that keeps a share is the smallest that reaches it`() {
    #expect(spectrum.rank(keeping: 0.7, .sum) == 2)
    #expect(spectrum.rank(keeping: 0.71, .sum) == 3)
    #expect(spectrum.rank(keeping: 0.71, .squares) == 2)
    #expect(spectrum.rank(keeping: 1, .sum) == 4)
  }

  @Test func `all of the energy means all of the rank and not what rounding makes`() {
    #expect(Spectrum(values: [1, 0.5, 1e-9], rows: 3, columns: 3).rank(keeping: 1, .sum) == 2)
  }

  @Test func `the error of a rank is the norm of what is left out`() throws {
    #expect(spectrum.error(of: 2) == 5.0.squareRoot())
    let matrix = random([6, 9], 4)
    let cut = try Factorization(matrix, rank: 3).truncated
    #expect(abs((matrix - cut).norm - (try Spectrum(of: matrix).error(of: 3))) < 1e-12)
  }

  @Test func `a zero matrix keeps all of its energy at rank zero`() {
    let zero = Spectrum(values: [0, 0], rows: 2, columns: 2)
    #expect(zero.energy(of: 0, .sum) == 1)
    #expect(zero.rank(keeping: 0.9, .sum) == 0)
  }

  @Test func `a spectrum of NaN throws`() {
    #expect(throws: TorchError.self) { _ = try Spectrum(of: Tensor([1.0, .nan], shape: [1, 2])) }
  }
}
