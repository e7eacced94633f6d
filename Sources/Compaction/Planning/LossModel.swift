import Networks
import Torch

/// What a layer loses at each rank.
protocol LossModel {
  /// The spectrum of one unfolding of a layer's matrix, and the share of the whole that is lost at each rank from 0. Of
  /// more than two factors the spectrum is what each unit of rank takes from the error (`TuckerBases`).
  ///
  /// - Throws: `TorchError` when the spectrum does not converge, as on NaN.
  func losses(of layer: MatrixLayer, in network: Network, as decomposition: Decomposition) throws -> RankLosses
}

struct RankLosses {
  var spectrum: Spectrum
  /// For r from 0.
  var shares: [Double]
}

/// The energy of the weights: Σσ or Σσ² of what a rank leaves out.
struct WeightEnergy: LossModel {
  var measure: EnergyMeasure

  func losses(of layer: MatrixLayer, in network: Network, as decomposition: Decomposition) throws -> RankLosses {
    let matrix = network.matrix(of: layer)
    guard decomposition.isPair else {
      let bases = try TuckerBases(of: MeasuredKernel(matrix, shape: layer.shape, in: nil))
      return RankLosses(spectrum: bases.spectrum, shares: bases.losses(measure))
    }
    let spectrum = try Spectrum(of: decomposition.unfolding(matrix, layer.shape))
    return RankLosses(spectrum: spectrum, shares: spectrum.losses(measure))
  }
}

/// The squared error of the weights as the batch norm behind the layer scales it: ‖D(W − W_r)‖²/‖DW‖² with
/// D = γ/√(σ² + ε), or 1 where there is none.
struct NormalizedWeightEnergy: LossModel {
  /// W − W_r = Σ_{i>r} σᵢuᵢvᵢᵀ with orthonormal vᵢ, so the loss is Σ_{i>r} σᵢ²‖D uᵢ‖².
  func losses(of layer: MatrixLayer, in network: Network, as decomposition: Decomposition) throws -> RankLosses {
    let scale = network.scale(behind: layer)
    guard decomposition.isPair else {
      let bases = try TuckerBases(of: MeasuredKernel(network.matrix(of: layer), shape: layer.shape, in: nil))
      return RankLosses(spectrum: bases.spectrum, shares: bases.losses(scaledBy: scale))
    }
    let matrix = decomposition.unfolding(network.matrix(of: layer), layer.shape)
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    // Every unit has as many rows, side by side.
    let each = rows / scale.count
    let squares = Tensor(scale.flatMap { Array(repeating: $0 * $0, count: each) }, shape: [rows, 1])
    let isWide = rows <= columns
    let gram = isWide ? matrix.matmul(matrix.transposed) : matrix.transposed.matmul(matrix)
    let (lambda, vectors) = try gram.symmetricEigen()
    let sigma = lambda.doubles.map { max(0, $0).squareRoot() }
    // Columns σᵢuᵢ.
    let directions = isWide ? vectors * Tensor(sigma, shape: [1, sigma.count]) : matrix.matmul(vectors)
    let own = (directions * directions * squares).sum(axes: [0]).doubles
    // Eigenvalues ascend; what is kept first comes last.
    return RankLosses(
      spectrum: Spectrum(values: sigma.reversed(), rows: rows, columns: columns),
      shares: Array(own.reversed()).tailShares)
  }
}

/// The energy of the activations: what a rank leaves out of their principal components (see `ActivationNorm`).
struct ActivationEnergy: LossModel {
  /// What errors of a layer count; nil where its activations are not known.
  var norm: (MatrixLayer) -> ActivationNorm?
  /// The loss of layers whose activations are not known.
  var weights: any LossModel

  func losses(of layer: MatrixLayer, in network: Network, as decomposition: Decomposition) throws -> RankLosses {
    guard let norm = norm(layer) else { return try weights.losses(of: layer, in: network, as: decomposition) }
    let matrix = network.matrix(of: layer)
    let spectrum =
      try decomposition.isPair
      ? norm.components(of: matrix, as: decomposition).spectrum : TuckerBases(of: norm.kernel(matrix)).spectrum
    return RankLosses(spectrum: spectrum, shares: spectrum.losses(.squares))
  }
}
