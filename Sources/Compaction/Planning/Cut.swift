import Networks
import Torch

/// What a layer could become as two factors of one scheme.
public struct Cut: Sendable, Codable {
  /// What the pair takes at a rank.
  public struct RankTime: Sendable, Codable, Equatable {
    public var rank: Int
    public var milliseconds: Double

    public init(rank: Int, milliseconds: Double) {
      self.rank = rank
      self.milliseconds = milliseconds
    }
  }

  public var scheme: Scheme
  /// Of the scheme's unfolding.
  public var spectrum: Spectrum
  /// ‖D(W − W_r)‖²/‖DW‖² for r from 0, with D = γ/√(σ² + ε) of the batch norm behind the layer, or 1.
  public var losses: [Double]
  /// What one unit of rank costs.
  public var perRank: Cost
  /// Ranks that the hardware likes are multiples of this.
  public var rankStep: Int
  /// At measured ranks, rising; empty where the plan is not by time.
  public var times: [RankTime] = []

  /// The largest rank at which the pair has fewer multiply-accumulates and weights than `cost`.
  func largestRank(within cost: Cost) -> Int {
    min(spectrum.values.count, (cost.macs - 1) / perRank.macs, (cost.parameters - 1) / perRank.parameters)
  }

  /// The time at a rank, in a straight line between those that were measured; nil outside of them.
  func milliseconds(at rank: Int) -> Double? {
    guard let next = times.firstIndex(where: { $0.rank >= rank }) else { return nil }
    let above = times[next]
    if above.rank == rank { return above.milliseconds }
    guard next > 0 else { return nil }
    let below = times[next - 1]
    let share = Double(rank - below.rank) / Double(above.rank - below.rank)
    return below.milliseconds + share * (above.milliseconds - below.milliseconds)
  }

  /// The ranks that a plan by time may choose, each with its time.
  var timedRanks: [RankTime] {
    guard let first = times.first?.rank, let last = times.last?.rank else { return [] }
    return stride(from: first, through: last, by: rankStep).compactMap { rank in
      milliseconds(at: rank).map { RankTime(rank: rank, milliseconds: $0) }
    }
  }

  /// The ranks to be measured up to `largest`: multiples of the step, wider apart as they grow.
  func ranksToMeasure(upTo largest: Int) -> [Int] {
    let most = largest / rankStep
    guard most > 0 else { return [] }
    var multiples = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64].filter { $0 < most }
    multiples.append(most)
    return multiples.map { $0 * rankStep }
  }

  /// Vectors are 16 floats wide; where the layer itself is narrow, half or a quarter of one has to do.
  static func rankStep(inputs: Int, units: Int) -> Int {
    let narrower = min(inputs, units)
    return narrower >= 64 ? 16 : narrower >= 16 ? 8 : 4
  }
}

extension Network {
  /// What a layer could become in these schemes.
  ///
  /// - Parameters:
  ///   - norm: of its errors; nil is the Frobenius norm of its matrix.
  ///   - known: the spectrum of the paper's unfolding in that norm.
  /// - Throws: `NetworkError`, or `TorchError` when a spectrum does not converge.
  func cuts(
    of layer: MatrixLayer, _ schemes: [Scheme], _ instructions: [String: ShapedInstruction],
    in norm: ResponseNorm? = nil,
    known: Spectrum? = nil
  ) throws -> [Cut] {
    guard let whole = wholeInstruction(of: layer, instructions) else { return [] }
    let shape = layer.shape
    let matrix = matrix(of: layer)
    let scale = scale(behind: layer)
    let possible = layer.isFactorized ? [.spatialFirst] : Scheme.all(for: shape)
    return try possible.filter(schemes.contains).map { scheme in
      let (spectrum, losses): (Spectrum, [Double])
      if let norm {
        let known = scheme == .spatialFirst ? known : nil
        spectrum = try known ?? norm.components(of: matrix, as: scheme).spectrum
        losses = spectrum.relativeLosses
      } else {
        (spectrum, losses) = try Self.scaledLosses(scheme.unfolding(matrix, shape), scale)
      }
      let pair = try scheme.instructions(of: whole, shape, rank: 1)
      let weights = pair.compactMap { $0.parameters[0][.weight]?.reduce(1, *) }.reduce(0, +)
      let cost = Cost(
        parameters: weights, macs: pair.map(\.macs).reduce(0, +),
        activationBytes: 4 * pair[1].inputs[0].reduce(1, *))
      return Cut(
        scheme: scheme, spectrum: spectrum, losses: losses, perRank: cost,
        rankStep: Cut.rankStep(inputs: shape[1], units: shape[0]))
    }
  }

  /// The layer as one instruction, which a pair may no longer be.
  func wholeInstruction(
    of layer: MatrixLayer, _ instructions: [String: ShapedInstruction]
  ) -> ShapedInstruction? {
    guard let last = layer.nodes.last.flatMap({ instructions[$0] }) else { return nil }
    // Of a pair that runs as one, the first factor has no instruction of its own.
    let first = instructions[layer.nodes[0]] ?? last
    var own = [Role.weight: layer.shape]
    own[.bias] = last.parameters.last?[.bias]
    let inputs = first.inputs.prefix(1) + last.inputs.dropFirst()
    return ShapedInstruction(
      last.operation.factor(first.operation.operations[0], isLast: true), inputs: Array(inputs), parameters: [own])
  }

  /// The batch norm that alone reads the layer and scales its units.
  func norm(behind layer: MatrixLayer) -> Node? { layer.nodes.last.flatMap(normalization) }

  /// |γ|/√(σ² + ε) per unit of that batch norm; ones where there is none.
  func scale(behind layer: MatrixLayer) -> [Double] {
    let ones = [Double](repeating: 1, count: layer.units)
    guard let norm = norm(behind: layer), let operation = norm.operation as? any NormalizingOperation
    else { return ones }
    return operation.scale(NodeParameters { parameter($0, of: norm) }) ?? ones
  }

  /// The spectrum of an unfolding, and Σ_{i>r} σᵢ²‖D uᵢ‖² for r from 0, relative to the whole.
  ///
  /// W − W_r = Σ_{i>r} σᵢuᵢvᵢᵀ with orthonormal vᵢ, so the scaled error is a sum over the directions that go.
  private static func scaledLosses(_ matrix: Tensor, _ scale: [Double]) throws -> (Spectrum, [Double]) {
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
    return (Spectrum(values: sigma.reversed(), rows: rows, columns: columns), Array(own.reversed()).tailShares)
  }
}
