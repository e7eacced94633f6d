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

  /// In the order of `Regularization.matrices`, those whose weights are there; lowered, they have the weights' shapes.
  let matrices: [(target: Regularization.MatrixTarget, lowered: Lowered)]

  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  init(_ regularization: Regularization, _ parameters: [String: Tensor], _ t: Double) throws {
    let targets = regularization.matrices.filter { $0.weights.allSatisfy(parameters.keys.contains) }
    let weights = targets.map { target in target.weights.compactMap { parameters[$0] } }
    // Weights are laid out as matrices and back here, where a thread has one matrix and another the next.
    let lower: @Sendable (Int) throws -> Lowered = { index in
      let threshold = regularization.threshold(of: targets[index], t: t)
      let own = weights[index]
      guard own.count == 2 else {
        var low = try SingularValueThresholding(own[0].unfolded, threshold: threshold)
        low.matrix = low.matrix.folded(like: own[0])
        return .whole(low)
      }
      var low = try PairThresholding(first: own[0].unfolded, second: own[1].unfolded, threshold: threshold)
      (low.first, low.second) = (low.first.folded(like: own[0]), low.second.folded(like: own[1]))
      return .pair(low)
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
  private static func work(_ weight: Tensor) -> Double {
    let (rows, columns) = (Double(weight.shape[0]), Double(weight.shape.dropFirst().reduce(1, *)))
    return rows * columns * min(rows, columns)
  }
}

extension Tensor {
  /// The matrix in the shape of `weight`, and laid out as it is.
  fileprivate func folded(like weight: Tensor) -> Tensor { reshaped(weight.shape).laidOut(like: weight) }
}
