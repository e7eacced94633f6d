import Networks
import Torch

/// What a layer loses and costs at each rank, as two factors of one decomposition.
public struct RankCurve: Sendable {
  /// How long the factors take at a rank.
  public struct RankTime: Sendable, Equatable {
    public var rank: Int
    public var milliseconds: Double
  }

  public let decomposition: Decomposition
  /// Of the unfolding.
  let spectrum: Spectrum
  /// The share that is lost at each rank from 0; see `LossModel`.
  let losses: [Double]
  /// What one unit of rank costs.
  let perRank: Cost
  /// Ranks that the hardware likes are multiples of this.
  var rankStep = 1
  /// At measured ranks, rising; empty where the target is no time.
  public internal(set) var times: [RankTime] = []

  /// The largest rank at which the factors have fewer multiply-accumulates and weights than `cost`.
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
    let shape = layer.shape
    self.init(
      decomposition: decomposition, spectrum: losses.spectrum, losses: losses.shares,
      perRank: layer.obstacle == nil ? try network.costPerRank(of: layer, reading: input, as: decomposition) : Cost(),
      rankStep: Self.rankStep(inputs: shape[1], units: shape[0]))
  }
}

extension Network {
  /// What a unit of rank costs a layer as two factors.
  fileprivate func costPerRank(of layer: MatrixLayer, reading input: [Int], as decomposition: Decomposition) throws
    -> Cost
  {
    guard let operation = self[layer.nodes[0]]?.operation as? any WeightedOperation else { return Cost() }
    let shapes = decomposition.shapes(of: layer.shape, ranks: [1])
    var cost = Cost(parameters: shapes.map { $0.reduce(1, *) }.reduce(0, +))
    var read = input
    for (factor, shape) in zip(decomposition.operations(of: operation), shapes) {
      let output = try factor.shape(of: [read], parameters: [.weight: shape])
      cost.macs += factor.macs(inputs: [read], output: output, parameters: [.weight: shape])
      if cost.activationBytes == 0 { cost.activationBytes = 4 * output.reduce(1, *) }
      read = output
    }
    return cost
  }
}
