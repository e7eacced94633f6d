import Networks
import Torch

/// The factors of a Tucker decomposition along units and inputs by alternating least squares: W ≈ U·G·B, with B the
/// first 1×1 (r₁ × C), G the core of the kernel's taps (r₂ × r₁ × taps) and U the last 1×1 (N × r₂).
///
/// With B held, U and G are a regression of rank r₂ on what B lets through, solved at once: U are the principal
/// components of the activations that are left. With U and G held, the error is quadratic in B; conjugate gradients
/// take it down. Where K is the identity, B and G are solved together with U held: that is HOOI (De Lathauwer, De Moor
/// & Vandewalle 2000, "On the Best Rank-1 and Rank-(R1, R2, …, RN) Approximation of Higher-Order Tensors"). No step
/// raises the error.
struct TuckerFactors {
  /// r₁×C×1×1, r₂×r₁×d_h×d_w and N×r₂×1×1 in float64.
  let weights: [Tensor]
  /// ‖D·(W − W̃)·K^½‖² where the sweeps start, and after each.
  let errors: [Double]

  /// More find little: on the layers of a pretrained ResNet-20 the squared error falls by 2 % in the first and by
  /// 0.5 % in the second.
  private static let mostSweeps = 8
  /// A sweep that lowers the error by a smaller share is the last.
  private static let leastGain = 2e-3
  /// Steps for B in a sweep.
  private static let steps = 6

  /// - Throws: `TorchError` when a decomposition fails, as on NaN.
  init(of kernel: MeasuredKernel, rank: Int) throws {
    let ranks = Decomposition.tucker.ranks(at: rank, of: kernel.shape)
    let whole = kernel.energy
    let start = try kernel.inputDirections().slice(axis: 0, from: 0, to: ranks[0])
    var first = try FirstFactor(start, of: kernel)
    var last = try Remainder(behind: first, rank: ranks[1])
    var errors = [max(0, whole - last.energy)]
    for _ in 0..<Self.mostSweeps where errors[errors.count - 1] > 1e-14 * whole {
      let next = try FirstFactor(last.improved(first, of: kernel, steps: Self.steps), of: kernel)
      let behind = try Remainder(behind: next, rank: ranks[1])
      let error = max(0, whole - behind.energy)
      guard error < errors[errors.count - 1] else { break }
      let gain = 1 - error / errors[errors.count - 1]
      (first, last) = (next, behind)
      errors.append(error)
      if gain < Self.leastGain { break }
    }
    let sides = Array(kernel.shape[2...])
    let units = last.units / Tensor(kernel.scale, shape: [kernel.units, 1])
    weights =
      [
        first.weight.reshaped([ranks[0], kernel.inputs, 1, 1]),
        last.core.reshaped([ranks[1], ranks[0]] + sides),
        units.reshaped([kernel.units, ranks[1], 1, 1]),
      ].balanced
    self.errors = errors
  }
}

/// U and G, the best behind a first factor.
private struct Remainder {
  /// N × r₂, orthonormal.
  let units: Tensor
  /// G, r₂ × (r₁·taps).
  let core: Tensor
  /// What they keep.
  let energy: Double

  init(behind first: FirstFactor, rank: Int) throws {
    let given = first.activations
    units = try given.matmul(given.transposed).descendingEigenvectors().slice(axis: 1, from: 0, to: rank)
    let kept = units.transposed.matmul(given)
    core = first.unwhitened(kept)
    energy = (kept * kept).sum.item
  }

  /// A first factor that is better with U held.
  func improved(_ first: FirstFactor, of kernel: MeasuredKernel, steps: Int) throws -> Tensor {
    let (ranks, inputs) = (first.weight.shape[0], kernel.inputs)
    // UᵀDW, r₂ × taps × C.
    let target = units.transposed.matmul(kernel.values.flattened(from: 1))
    guard kernel.second != nil else {
      let rows = target.reshaped([-1, inputs])
      let directions = try rows.transposed.matmul(rows).descendingEigenvectors()
      return directions.slice(axis: 1, from: 0, to: ranks).transposed
    }
    // r₂·taps × r₁.
    let taps = core.reshaped([-1, ranks, kernel.taps]).permuted([0, 2, 1]).reshaped([-1, ranks])
    func made(_ weight: Tensor) -> Tensor { taps.matmul(weight).reshaped(target.shape) }
    func gradient(_ rows: Tensor) -> Tensor { taps.transposed.matmul(kernel.weighed(rows).reshaped([-1, inputs])) }
    var weight = first.weight
    var residual = gradient(target - made(weight))
    var direction = residual
    var square = (residual * residual).sum.item
    for _ in 0..<steps where square > 0 {
      let change = gradient(made(direction))
      let length = square / (direction * change).sum.item
      guard length.isFinite else { break }
      weight = weight + direction * length
      residual = residual - change * length
      let next = (residual * residual).sum.item
      (direction, square) = (residual + direction * (next / square), next)
    }
    return weight
  }
}

extension [Tensor] {
  /// Factors of the same product, of which every channel between two is made and read by weights of the same norm: so
  /// training moves both alike.
  var balanced: [Tensor] {
    var weights = self
    // Of a pair the first round does it; of more each moves its neighbours' a little.
    for _ in 0..<40 {
      for index in indices.dropLast() {
        let (made, read) = (weights[index], weights[index + 1])
        let before = (made * made).flattened(from: 1).sum(axes: [1]).doubles
        let after = (read * read).transposed(0, 1).flattened(from: 1).sum(axes: [1]).doubles
        let ratio = zip(before, after).map { $0 > 0 && $1 > 0 ? ($1 / $0).squareRoot().squareRoot() : 1 }
        let ones = Array<Int>(repeating: 1, count: made.shape.count - 1)
        weights[index] = made * Tensor(ratio, shape: [ratio.count] + ones)
        weights[index + 1] = read / Tensor(ratio, shape: [1, ratio.count] + ones.dropFirst())
      }
    }
    return weights
  }
}
