import Networks
import Torch

/// The balanced factors of a layer's unfolding cut to a rank: W ≈ (U√Σ)(√ΣVᵀ), or those of the principal components of
/// its activations (`ActivationNorm`).
public struct Factorization: Sendable {
  public let decomposition: Decomposition
  /// √ΣVᵀ, r × columns: as `spatialFirst`, the r filters of the original size.
  public var first: Tensor
  /// U√Σ, rows × r: as `spatialFirst`, the 1×1 convolution behind them.
  public var second: Tensor
  /// W_r itself, N × S in float64.
  public var truncated: Tensor
  /// The singular values that are kept.
  public var sigma: [Double]

  /// - Parameters:
  ///   - matrix: N × S in float64.
  ///   - decomposition: whose unfolding is cut; another than `spatialFirst` asks for the `shape` of the weight.
  ///   - shape: N×C×d_h×d_w.
  ///   - rank: r, from 1.
  /// - Throws: `TorchError` when the decomposition does not converge, as on NaN.
  public init(_ matrix: Tensor, as decomposition: Decomposition = .spatialFirst, shape: [Int]? = nil, rank: Int) throws
  {
    try self.init(matrix, as: decomposition, shape: shape ?? matrix.shape, rank: rank, in: nil)
  }

  /// - Parameter norm: in which the error is the smallest; nil is the Frobenius norm of the matrix.
  init(_ matrix: Tensor, as decomposition: Decomposition, shape: [Int], rank: Int, in norm: ActivationNorm?) throws {
    self.decomposition = decomposition
    if let norm {
      (second, first, sigma) = try norm.factors(of: matrix, as: decomposition, rank: rank)
      truncated = decomposition.folding(second.matmul(first), shape)
      return
    }
    let (u, sigma, vTransposed) = try decomposition.unfolding(matrix, shape).singularValueDecomposition()
    let roots = sigma.slice(axis: 0, from: 0, to: rank).squareRoot
    second = u.slice(axis: 1, from: 0, to: rank) * roots.reshaped([1, rank])
    first = vTransposed.slice(axis: 0, from: 0, to: rank) * roots.reshaped([rank, 1])
    truncated = decomposition.folding(second.matmul(first), shape)
    self.sigma = Array(sigma.doubles.prefix(rank))
  }
}

extension Network {
  /// The network with `layer` replaced by two factors of `rank`, with nothing between them.
  ///
  /// A convolution becomes what the decomposition says, the last carrying the bias: as `spatialFirst` r filters of the
  /// original size and a 1×1 convolution. A linear layer becomes two. A pair is replaced, never nested.
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
    if output == old.name { result.output = names[1] }
    let weights = factors.decomposition.weights(factors.first, factors.second, layer.shape)
    for (name, weight) in zip(names, [weights.first, weights.second]) {
      result.set(.weight, of: name, to: weight.to(dtype).contiguous.clone)
    }
    if let bias = parameter(.bias, of: old) { result.set(.bias, of: names[1], to: bias) }
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
