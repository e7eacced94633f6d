import Networks
import Torch

/// What a layer loses and costs at each rank, as the factors of one decomposition.
public struct RankCurve: Sendable {
  /// How long the factors take at a rank.
  public struct RankTime: Sendable, Equatable {
    public var rank: Int
    public var milliseconds: Double
  }

  public let decomposition: Decomposition
  /// Of the unfolding; of more than two factors what each unit of rank takes from the squared error (`TuckerBases`).
  let spectrum: Spectrum
  /// The share that is lost at each rank from 0; see `LossModel`.
  let losses: [Double]
  /// What the factors cost at each rank from 0; nothing where the layer stays as it is.
  let costs: [Cost]
  /// Ranks that the hardware likes are multiples of this.
  var rankStep = 1
  /// At measured ranks, rising; empty where the target is no time.
  public internal(set) var times: [RankTime] = []

  /// The largest rank at which the factors have fewer multiply-accumulates and weights than `cost`.
  func largestRank(within cost: Cost) -> Int {
    let ranks = costs.prefix(spectrum.values.count + 1)
    return ranks.lastIndex { $0.macs < cost.macs && $0.parameters < cost.parameters } ?? 0
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
  private static func rankStep(inputs: Int, units: Int) -> Int {
    let narrower = min(inputs, units)
    return narrower >= 64 ? 16 : narrower >= 16 ? 8 : 4
  }
}

extension RankCurve {
  /// - Parameter input: the shape of what the layer reads.
  /// - Throws: `NetworkError`, or `TorchError` when a spectrum does not converge.
  init(
    of layer: MatrixLayer, in network: Network, reading input: [Int], as decomposition: Decomposition,
    _ model: any LossModel
  ) throws {
    let losses = try model.losses(of: layer, in: network, as: decomposition)
    try self.init(of: layer, in: network, reading: input, as: decomposition, losses)
  }

  private init(
    of layer: MatrixLayer, in network: Network, reading input: [Int], as decomposition: Decomposition,
    _ losses: RankLosses
  ) throws {
    let shape = layer.shape
    // A pair can have more ranks than its product.
    let ranks = Swift.max(losses.spectrum.values.count, network.factorizedRank(of: layer) ?? 0)
    let factors = FactorCosts(of: layer, in: network, reading: input, as: decomposition)
    self.init(
      decomposition: decomposition, spectrum: losses.spectrum, losses: losses.shares,
      costs: try layer.obstacle == nil ? (0...ranks).map { try factors?.cost(at: $0) ?? Cost() } : [],
      rankStep: Self.rankStep(inputs: shape[1], units: shape[0]))
  }

  /// The curve of the same layer with other units or inputs, as if what a part of the ranks loses stayed the same.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func resized(to layer: MatrixLayer, in network: Network, reading input: [Int]) throws -> RankCurve {
    let (rows, columns) = decomposition.unfoldedShape(of: layer.shape)
    let (ranks, old) = (decomposition.fullRank(of: layer.shape), spectrum.values.count)
    let step = Double(old) / Double(Swift.max(1, ranks))
    let values = (0..<ranks).map { spectrum.values[Swift.min(old - 1, Int(Double($0) * step))] }
    let shares = (0...ranks).map { losses.interpolated(at: Double($0) * step) }
    return try RankCurve(
      of: layer, in: network, reading: input, as: decomposition,
      RankLosses(spectrum: Spectrum(values: values, rows: rows, columns: columns), shares: shares))
  }
}

extension [Double] {
  /// The value at a place between two elements, in a straight line between them.
  fileprivate func interpolated(at place: Double) -> Double {
    let below = Swift.min(count - 1, Int(place))
    let above = Swift.min(count - 1, below + 1)
    return self[below] + (self[above] - self[below]) * (place - Double(below))
  }
}

/// What a layer costs as factors, but for its bias and its output.
private struct FactorCosts {
  let operations: [any WeightedOperation]
  let decomposition: Decomposition
  let shape: [Int]
  let input: [Int]

  init?(of layer: MatrixLayer, in network: Network, reading input: [Int], as decomposition: Decomposition) {
    guard let operation = network[layer.nodes[0]]?.operation as? any WeightedOperation else { return nil }
    operations = decomposition.operations(of: operation)
    (self.decomposition, shape, self.input) = (decomposition, layer.shape, input)
  }

  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func cost(at rank: Int) throws -> Cost {
    var cost = Cost()
    guard rank > 0 else { return cost }
    // As many as asked for: a pair can have more ranks than its product.
    let ranks = decomposition.isPair ? [rank] : decomposition.ranks(at: rank, of: shape)
    var read = input
    for (index, weight) in decomposition.shapes(of: shape, ranks: ranks).enumerated() {
      let output = try operations[index].shape(of: [read], parameters: [.weight: weight])
      cost.parameters += weight.reduce(1, *)
      cost.macs += operations[index].macs(inputs: [read], output: output, parameters: [.weight: weight])
      if index < operations.count - 1 { cost.activationBytes += 4 * output.reduce(1, *) }
      read = output
    }
    return cost
  }
}

extension Network {
  /// The rank that a layer has as a pair of factors; nil where it is no pair.
  func factorizedRank(of layer: MatrixLayer) -> Int? {
    layer.isFactorized ? parameters[layer.weights[0]]?.shape[0] : nil
  }
}
