import Torch

/// The nuclear norm's proximal operator on every matrix of a network.
///
/// No matrix depends on another, so all are lowered at once, one thread each, the largest first. One that is more work
/// than a thread's share of the whole has all threads to itself before.
struct LowRankMatrices {
  enum Lowered: Sendable {
    case whole(SingularValueThresholding)
    case pair(PairThresholding)
  }

  /// In the order of `Regularization.matrices`, those whose weights are there.
  let matrices: [(target: Regularization.MatrixTarget, lowered: Lowered)]

  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  init(_ regularization: Regularization, _ parameters: [String: Tensor], _ t: Double) throws {
    let targets = regularization.matrices.filter { $0.weights.allSatisfy(parameters.keys.contains) }
    let weights = targets.map { target in target.weights.compactMap { parameters[$0]?.unfolded } }
    let lower: @Sendable (Int) throws -> Lowered = { index in
      let threshold = regularization.threshold(of: targets[index], t: t)
      let own = weights[index]
      return own.count == 2
        ? .pair(try PairThresholding(first: own[0], second: own[1], threshold: threshold))
        : .whole(try SingularValueThresholding(own[0], threshold: threshold))
    }
    let work = weights.map { own in own.map(Self.work).reduce(0, +) }
    let share = work.reduce(0, +) / Double(Library.threads)
    let largestFirst = work.indices.sorted { work[$0] > work[$1] }
    let alone = largestFirst.filter { work[$0] > share }
    let shared = Array(largestFirst.dropFirst(alone.count))
    let results = try alone.map(lower) + Library.parallel(shared.count) { try lower(shared[$0]) }
    matrices = zip(alone + shared, results).sorted { $0.0 < $1.0 }.map { (targets[$0], $1) }
  }

  /// N·S·min(N, S) multiply-accumulates, of the order of the decomposition.
  private static func work(_ matrix: Tensor) -> Double {
    let (rows, columns) = (Double(matrix.shape[0]), Double(matrix.shape[1]))
    return rows * columns * min(rows, columns)
  }
}
