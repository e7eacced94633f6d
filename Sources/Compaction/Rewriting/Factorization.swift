import Networks
import Torch

/// The balanced factors of a layer cut to a rank. Of a pair they are those of its unfolding, W ≈ (U√Σ)(√ΣVᵀ), or of the
/// principal components of its activations (`ActivationNorm`); of more they are found by alternating least squares
/// (`TuckerFactors`).
public struct Factorization: Sendable {
  public let decomposition: Decomposition
  /// Their weights in execution order, in float64; those of a matrix without the `shape` of its weight are matrices.
  public let factors: [Tensor]
  /// W_r itself, N × S in float64.
  public let truncated: Tensor
  /// Of a pair the singular values that are kept.
  public let sigma: [Double]

  /// - Parameters:
  ///   - matrix: N × S in float64.
  ///   - decomposition: whose unfolding is cut; another than `spatialFirst` asks for the `shape` of the weight.
  ///   - shape: N×C×d_h×d_w.
  ///   - rank: r, from 1 to the decomposition's `fullRank(of:)`.
  /// - Throws: `TorchError` when the decomposition does not converge, as on NaN.
  public init(_ matrix: Tensor, as decomposition: Decomposition = .spatialFirst, shape: [Int]? = nil, rank: Int) throws
  {
    try self.init(matrix, as: decomposition, shape: shape ?? matrix.shape, rank: rank, in: nil)
  }

  /// - Parameter norm: in which the error is the smallest; nil is the Frobenius norm of the matrix.
  init(_ matrix: Tensor, as decomposition: Decomposition, shape: [Int], rank: Int, in norm: ActivationNorm?) throws {
    self.decomposition = decomposition
    guard decomposition.isPair else {
      factors = try TuckerFactors(of: MeasuredKernel(matrix, shape: shape, in: norm), rank: rank).weights
      (truncated, sigma) = (factors.product.unfolded, [])
      return
    }
    let pair =
      try norm?.factors(of: matrix, as: decomposition, rank: rank)
      ?? Self.pair(decomposition.unfolding(matrix, shape), rank: rank)
    let weights = decomposition.weights(pair.first, pair.second, shape)
    factors = [weights.first, weights.second]
    truncated = decomposition.folding(pair.second.matmul(pair.first), shape)
    sigma = pair.sigma
  }

  /// U√Σ, rows × r, and √ΣVᵀ, r × columns.
  private static func pair(
    _ unfolding: Tensor, rank: Int
  ) throws -> (second: Tensor, first: Tensor, sigma: [Double]) {
    let (u, sigma, vTransposed) = try unfolding.singularValueDecomposition()
    let roots = sigma.slice(axis: 0, from: 0, to: rank).squareRoot
    return (
      u.slice(axis: 1, from: 0, to: rank) * roots.reshaped([1, rank]),
      vTransposed.slice(axis: 0, from: 0, to: rank) * roots.reshaped([rank, 1]), Array(sigma.doubles.prefix(rank))
    )
  }
}

extension Network {
  /// The network with `layer` replaced by factors, with nothing between them.
  ///
  /// A convolution becomes what the decomposition says, the last carrying the bias: as `spatialFirst` r filters of the
  /// original size and a 1×1 convolution. A linear layer becomes two. A pair is replaced by one, never nested.
  ///
  /// - Throws: `TorchError` when the decomposition does not converge.
  public func factorizing(_ layer: MatrixLayer, _ factors: Factorization) throws -> Network {
    guard let last = layer.nodes.last, let old = self[last], let first = self[layer.nodes[0]],
      let operation = first.operation as? any WeightedOperation, let dtype = parameter(.weight, of: first)?.dtype
    else { preconditionFailure("layer \(layer.name) is not in the network") }
    let operations = factors.decomposition.operations(of: operation)
    let names = layer.isFactorized ? layer.nodes : operations.indices.map { "\(layer.name).\($0)" }
    var result = self
    let new = operations.enumerated().map { index, operation in
      Node(
        name: names[index], operation: operation, inputs: index == 0 ? first.inputs : [names[index - 1]],
        factor: FactorRole(layer: layer.name, index: index, decomposition: factors.decomposition))
    }
    result.nodes = nodes.flatMap { node -> [Node] in
      if node.name == first.name { return new }
      return layer.nodes.contains(node.name) ? [] : [node.reading(old.name, as: names[names.count - 1])]
    }
    let lastName = names[names.count - 1]
    if output == old.name { result.output = lastName }
    let ranks = factors.factors.dropLast().map { $0.shape[0] }
    let shapes = factors.decomposition.shapes(of: layer.shape, ranks: ranks)
    for ((name, weight), shape) in zip(zip(names, factors.factors), shapes) {
      result.set(.weight, of: name, to: weight.reshaped(shape).to(dtype).contiguous.clone)
    }
    if let bias = parameter(.bias, of: old) { result.set(.bias, of: lastName, to: bias) }
    result.dropUnusedParameters()
    return result
  }
}

extension Node {
  fileprivate func reading(_ name: String, as new: String) -> Node {
    var result = self
    result.inputs = inputs.map { $0 == name ? new : $0 }
    return result
  }
}
