import Compaction
import Foundation
import Networks
import Reports
import Torch

/// One line of `metrics.jsonl`: the state of a training at an evaluation.
public struct Metrics: Sendable, Codable, Equatable {
  public var epoch: Int
  public var step: Int
  /// Seconds of training until here, over all sessions of a resumed run.
  public var seconds: Double
  /// Learning rate of the last step.
  public var learningRate: Double
  public var trainingLoss: Double
  /// Percent, on the augmented images as they were trained on; nil where they have no labels.
  public var trainingTop1: Double?
  /// On the part that was held out; nil when there is none.
  public var validation: Accuracy?
  /// What a command of the user's said of the network; nil where none was given.
  public var score: Double?
  /// The factor on the regulariser's strengths, where a size to reach decides it.
  public var strength: Double?
  /// The fraction that a plan would have kept at the last evaluation, where a size is to be reached.
  public var predictedSize: Double?
  public var layers: [LayerMetrics]
  /// The returns to a good state that this epoch began with; nil where there was none.
  public var backOffs: [BackOff]?

  /// The state of one layer.
  public struct LayerMetrics: Sendable, Codable, Equatable {
    public var name: String
    /// Numerical rank.
    public var rank: Int
    /// The rank that a plan at the run's energy would keep.
    public var plannedRank: Int
    /// Σσ or Σσ², whichever the run's plan uses.
    public var energy: Double
    public var units: Int
    public var activeUnits: Int
    public var singularValues: [Double]
  }
}

extension Metrics {
  /// Reads a line of `metrics.jsonl`.
  public init(json: Data) throws { self = try ReadableJSON.decode(Metrics.self, from: json) }
}

extension Metrics.LayerMetrics {
  private enum EarlierKeys: String, CodingKey { case livingUnits }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    rank = try values.decode(Int.self, forKey: .rank)
    plannedRank = try values.decode(Int.self, forKey: .plannedRank)
    energy = try values.decode(Double.self, forKey: .energy)
    units = try values.decode(Int.self, forKey: .units)
    let earlier = try decoder.container(keyedBy: EarlierKeys.self)
    activeUnits =
      try earlier.decodeIfPresent(Int.self, forKey: .livingUnits) ?? values.decode(Int.self, forKey: .activeUnits)
    singularValues = try values.decode([Double].self, forKey: .singularValues)
  }
}

extension Network {
  /// Ranks, energies and active units of every layer.
  ///
  /// - Throws: `TorchError` when a weight is not finite.
  public func layerMetrics(energy: Double, _ measure: EnergyMeasure) throws -> [Metrics.LayerMetrics] {
    try matrixLayers.map { layer in
      let matrix = matrix(of: layer)
      let spectrum = try Spectrum(of: matrix)
      let active = (matrix * matrix).sum(axes: [1]).doubles.filter { $0 > 0 }.count
      return Metrics.LayerMetrics(
        name: layer.name, rank: spectrum.rank, plannedRank: spectrum.rank(keeping: energy, measure),
        energy: spectrum.values.map(measure.callAsFunction).reduce(0, +), units: spectrum.rows, activeUnits: active,
        singularValues: spectrum.values.map { Double(Float($0)) })
    }
  }
}
