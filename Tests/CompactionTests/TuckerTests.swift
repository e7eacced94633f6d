import Networks
import Testing
import Torch

@testable import Compaction

/// Tucker decompositions along units and inputs, by the weights alone and by activations.
@Suite struct TuckerTests {
  /// N×C×d_h×d_w: more units than inputs, and fewer.
  private static let shapes = [[12, 7, 3, 3], [6, 9, 3, 2]]

  /// An error's norm where inputs and taps correlate and units count differently; nil is the Frobenius norm.
  private func norm(_ shape: [Int], isPlain: Bool) -> ActivationNorm? {
    guard !isPlain else { return nil }
    let side = shape.dropFirst().reduce(1, *)
    let patches = random([side, 3 * side], 3) + random([1, 3 * side], 4) * 2
    let second = patches.matmul(patches.transposed) / Double(3 * side)
    return ActivationNorm(scale: (0..<shape[0]).map { 0.3 + 0.1 * Double($0) }, shape: shape) { decomposition in
      precondition(decomposition == .spatialFirst, "errors count for whole patches")
      return second
    }
  }

  private func matrix(_ shape: [Int]) -> Tensor {
    // Singular values that fall, as those of trained layers do.
    let whole = random(shape, 5).reshaped([shape[0], -1])
    return random([shape[0], 3], 6).matmul(random([3, whole.shape[1]], 7)) + whole * 0.5
  }

  private func error(_ norm: ActivationNorm?, _ difference: Tensor) -> Double {
    norm.map { $0(difference, as: .tucker) } ?? difference.norm
  }

  /// Every case: a kernel with its norm.
  private func each(_ body: ([Int], Tensor, ActivationNorm?) throws -> Void) rethrows {
    for shape in Self.shapes {
      for isPlain in [true, false] { try body(shape, matrix(shape), norm(shape, isPlain: isPlain)) }
    }
  }

  @Test func `channels on either side are the rank, or all that there are`() {
    #expect(Decomposition.tucker.ranks(at: 5, of: [12, 7, 3, 3]) == [5, 5])
    #expect(Decomposition.tucker.ranks(at: 9, of: [12, 7, 3, 3]) == [7, 9])
    #expect(Decomposition.tucker.fullRank(of: [12, 7, 3, 3]) == 12)
    // Behind one tap and one unit there is nothing more to tell apart.
    #expect(Decomposition.tucker.ranks(at: 9, of: [1, 7, 3, 1]) == [3, 1])
    #expect(Decomposition.verticalFirst.ranks(at: 99, of: [4, 7, 3, 5]) == [20])
  }

  @Test func `the error never grows with the rank, and at the full rank there is none`() throws {
    try each { shape, matrix, norm in
      var last = error(norm, matrix)
      for rank in 1...Decomposition.tucker.fullRank(of: shape) {
        let factors = try Factorization(matrix, as: .tucker, shape: shape, rank: rank, in: norm)
        let own = error(norm, factors.truncated - matrix)
        #expect(own <= last * (1 + 1e-9), "rank \(rank)")
        last = own
      }
      #expect(last < 1e-7 * error(norm, matrix))
    }
  }

  @Test func `no sweep raises the error, which is the one that is measured`() throws {
    try each { shape, matrix, norm in
      for rank in 1...5 {
        let found = try TuckerFactors(of: MeasuredKernel(matrix, shape: shape, in: norm), rank: rank)
        #expect(found.errors.count > 1)
        for (before, after) in zip(found.errors, found.errors.dropFirst()) { #expect(after < before) }
        let measured = error(norm, found.weights.product.unfolded - matrix)
        #expect(abs(measured * measured - (found.errors.last ?? 0)) < 1e-9 * error(norm, matrix))
      }
    }
  }

  /// The truncated HOSVD: the leading singular vectors of the unfoldings of units and of inputs.
  private func hosvd(_ matrix: Tensor, _ shape: [Int], rank: Int) throws -> Tensor {
    let kernel = matrix.reshaped(shape)
    func projector(_ axis: Int) throws -> Tensor {
      let order = [axis] + shape.indices.filter { $0 != axis }
      let u = try kernel.permuted(order).reshaped([shape[axis], -1]).singularValueDecomposition().u
      let kept = u.slice(axis: 1, from: 0, to: min(rank, shape[axis]))
      return kept.matmul(kept.transposed)
    }
    let units = try projector(0).matmul(matrix)
    return try projector(1).matmul(units.reshaped([shape[0], shape[1], -1])).reshaped([shape[0], -1])
  }

  @Test func `it is nearer than the truncated HOSVD, in either norm`() throws {
    try each { shape, matrix, norm in
      for rank in 1...5 {
        let factors = try Factorization(matrix, as: .tucker, shape: shape, rank: rank, in: norm)
        let other = error(norm, try hosvd(matrix, shape, rank: rank) - matrix)
        #expect(error(norm, factors.truncated - matrix) <= other * (1 + 1e-12), "rank \(rank)")
      }
    }
  }

  @Test func `a kernel of that rank is found again`() throws {
    let shape = [12, 7, 3, 3]
    let factors = [random([4, 7, 1, 1], 1), random([4, 4, 3, 3], 2), random([12, 4, 1, 1], 3)]
    for isPlain in [true, false] {
      let matrix = factors.product.unfolded
      let found = try Factorization(
        matrix, as: .tucker, shape: shape, rank: 4, in: norm(shape, isPlain: isPlain))
      #expect(relativeError(found.truncated, matrix) < 1e-7)
      #expect(found.factors.map(\.shape) == factors.map(\.shape))
    }
  }

  @Test func `what a plan expects at a rank is an upper bound, and a near one`() throws {
    try each { shape, matrix, norm in
      let kernel = MeasuredKernel(matrix, shape: shape, in: norm)
      let spectrum = try TuckerBases(of: kernel).spectrum
      #expect(spectrum.values.count == Decomposition.tucker.fullRank(of: shape))
      #expect(abs(spectrum.error(of: 0) - error(norm, matrix)) < 1e-9 * error(norm, matrix))
      for rank in 1...5 {
        let factors = try Factorization(matrix, as: .tucker, shape: shape, rank: rank, in: norm)
        let measured = error(norm, factors.truncated - matrix)
        #expect(measured <= spectrum.error(of: rank) * (1 + 1e-9), "rank \(rank)")
        #expect(measured >= 0.6 * spectrum.error(of: rank), "rank \(rank)")
      }
    }
  }

  @Test func `scaled by a batch norm behind, losses are those of the same bases`() throws {
    for shape in Self.shapes {
      let kernel = MeasuredKernel(matrix(shape), shape: shape, in: nil)
      let bases = try TuckerBases(of: kernel)
      let plain = bases.losses(scaledBy: Array(repeating: 2, count: shape[0]))
      for (own, other) in zip(plain, bases.spectrum.losses(.squares)) { #expect(abs(own - other) < 1e-9) }
      let scale = (0..<shape[0]).map { 0.2 + 0.3 * Double($0) }
      let rows = Tensor(scale, shape: [shape[0], 1, 1])
      let losses = bases.losses(scaledBy: scale)
      #expect(losses.count == plain.count && zip(losses, losses.dropFirst()).allSatisfy { $0 >= $1 })
      for rank in 1...5 {
        let core = bases.core.slice(axis: 0, from: 0, to: rank).slice(axis: 1, from: 0, to: rank)
        let (units, inputs) = (
          bases.units.slice(axis: 1, from: 0, to: rank), bases.inputs.slice(axis: 0, from: 0, to: rank)
        )
        let read = inputs.transposed.matmul(core)
        let kept = units.matmul(read.reshaped([rank, -1])).reshaped([shape[0], shape[1], -1]).permuted([0, 2, 1])
        let (error, whole) = ((rows * (kernel.values - kept)).norm, (rows * kernel.values).norm)
        #expect(abs(losses[rank] - error * error / (whole * whole)) < 1e-9)
      }
    }
  }

  @Test func `a kernel whose inputs and units are crossed has a rank all the same`() throws {
    // The unit of the most energy reads the input of the less alone, so the first of each have nothing in common.
    var kernel = [Double](repeating: 0, count: 3 * 2 * 9)
    for (place, value) in [(9 + 4, 1.5), (18 + 4, 1.2), (36 + 5, 1.2)] { kernel[place] = value }
    let matrix = Tensor(kernel, shape: [3, 18])
    let spectrum = try TuckerBases(of: MeasuredKernel(matrix, shape: [3, 2, 3, 3], in: nil)).spectrum
    #expect(spectrum.values[0] == 0 && spectrum.rank == 3 && spectrum.error(of: 3) < 1e-9)
  }

  @Test func `by Σσ a loss is a pair's where the other side keeps all its channels`() throws {
    let matrix = matrix([4, 9, 3, 3])
    let losses = try TuckerBases(of: MeasuredKernel(matrix, shape: [4, 9, 3, 3], in: nil)).losses(.sum)
    let inputs = try Spectrum(of: Decomposition.pointwiseFirst.unfolding(matrix, [4, 9, 3, 3])).losses(.sum)
    for rank in 4...9 { #expect(abs(losses[rank] - inputs[rank]) < 1e-9) }
    // Of both sides each loses something.
    for rank in 1...3 { #expect(losses[rank] > inputs[rank]) }
  }

  @Test func `a weight that is not finite throws`() {
    let broken = Tensor(Array(repeating: Double.nan, count: 2 * 18), shape: [2, 18])
    #expect(throws: TorchError.self) { _ = try Factorization(broken, as: .tucker, shape: [2, 2, 3, 3], rank: 1) }
    #expect(throws: TorchError.self) { _ = try Tensor([1.0, 2, 2, 1], shape: [2, 2]).choleskyTriangle() }
  }
}
