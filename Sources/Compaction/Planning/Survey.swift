import Networks
import Torch

/// What a plan is decided from: the spectra, shapes and costs of a network whose silent (and weakest) units are gone.
///
/// A value without tensors, so that planning can be tested and repeated without a network.
public struct Survey: Sendable, Codable {
  /// Why a layer stays dense that a pattern names.
  static let leftOut = "left out"

  /// One layer that could be cut.
  public struct Layer: Sendable, Codable {
    public var name: String
    public var spectrum: Spectrum
    /// Positions at which the layer's matrix is applied for one image: output pixels, or 1.
    public var positions: Int
    /// The rank it has as a pair of factors already.
    public var factorizedRank: Int?
    /// Why it must stay as it is, if it must.
    public var obstacle: String?
    /// What it could become in each scheme; empty where only the paper's unfolding is asked for.
    public var cuts: [Cut] = []
    /// The share of what it does that goes with units, its own and those that it reads; see `UnitContributions`.
    public var unitLoss = 0.0
    /// Milliseconds as it stands, where the plan is by time.
    public var milliseconds: Double?
    /// Weights of a pair of another scheme.
    public var pairWeights: Int?

    /// N + S: what one unit of rank costs in parameters.
    public var perRank: Int { spectrum.rows + spectrum.columns }

    /// Weights as the layer stands.
    public var weights: Int {
      pairWeights ?? factorizedRank.map { $0 * perRank } ?? spectrum.rows * spectrum.columns
    }
  }

  /// Units of one layer before and after some go.
  public struct Units: Sendable, Codable, Equatable {
    public var layer: String
    public var before: Int
    public var after: Int
    /// Weights before; nil where only units are known.
    public var weights: Int?
  }

  /// The units of one tie.
  public struct Family: Sendable, Codable, Equatable {
    public var name: String
    /// ‖θ_n‖ of its groups, the strongest first.
    public var norms: [Double]
    /// How many of them stay.
    public var kept: Int

    /// The share of Σ‖θ_n‖ that stays.
    var share: Double {
      let whole = norms.reduce(0, +)
      return whole > 0 ? norms.prefix(kept).reduce(0, +) / whole : 1
    }
  }

  public var layers: [Layer]
  public var units: [Units]
  /// Of every tie, where a plan weighs units against ranks.
  public var families: [Family] = []
  /// The network as given.
  public var original: Cost
  /// The network without the units that go.
  public var narrowed: Cost
  /// How many units each tie keeps, by the name of its family.
  var unitCounts: [String: Int] { Dictionary(families.map { ($0.name, $0.kept) }, uniquingKeysWith: { $1 }) }
  /// How long both take, where the plan is by time.
  public var times: Times?

  public struct Times: Sendable, Codable, Equatable {
    public var conditions: TimingConditions
    public var original: NetworkTime
    public var narrowed: NetworkTime
  }
}

extension Survey {
  /// - Parameters:
  ///   - network: the network as given.
  ///   - narrowed: the same without the units that go.
  ///   - isLeftOut: layers that stay as they are.
  /// - Throws: `NetworkError`, or `TorchError` when a spectrum does not converge.
  public init(of network: Network, narrowed: Network, leavingOut isLeftOut: (String) -> Bool) throws {
    try self.init(of: network, narrowed: narrowed, leavingOut: isLeftOut, remembering: Decompositions())
  }

  init(
    of network: Network, narrowed: Network, leavingOut isLeftOut: (String) -> Bool,
    remembering decompositions: Decompositions, in norm: (MatrixLayer) -> ResponseNorm? = { _ in nil }
  ) throws {
    let shapes = try narrowed.validate()
    layers = try narrowed.matrixLayers.map { layer in
      let output = shapes[layer.nodes.last ?? layer.name] ?? []
      let first = narrowed[layer.nodes[0]].flatMap { narrowed.parameter(.weight, of: $0) }
      let obstacle = layer.obstacle ?? (isLeftOut(layer.name) ? Self.leftOut : nil)
      return Layer(
        name: layer.name,
        spectrum: try decompositions.spectrum(narrowed.decompositionKey(of: layer)) {
          let matrix = narrowed.matrix(of: layer)
          return try norm(layer)?.components(of: matrix, as: .spatialFirst).spectrum ?? Spectrum(of: matrix)
        },
        positions: narrowed.positions(of: layer, output), factorizedRank: layer.isFactorized ? first?.shape[0] : nil,
        obstacle: obstacle, pairWeights: layer.decomposition == .spatialFirst ? nil : narrowed.weights(of: layer))
    }
    units = zip(network.matrixLayers, narrowed.matrixLayers).map { old, new in
      Units(
        layer: old.name, before: old.units, after: new.units,
        weights: network.weights(of: old))
    }
    original = try network.cost()
    self.narrowed = try narrowed.cost()
  }
}

extension Network {
  /// How often the layer's matrix is applied for one image: pixels, or tokens, whose last axis are the units.
  fileprivate func positions(of layer: MatrixLayer, _ output: [Int]) -> Int {
    guard let operation = layer.nodes.last.flatMap({ self[$0] })?.operation as? any WeightedOperation else { return 1 }
    let unitAxis = operation.unitAxis(rank: output.count)
    return output.indices.filter { $0 != unitAxis }.map { output[$0] }.reduce(1, *)
  }

  fileprivate func weights(of layer: MatrixLayer) -> Int {
    layer.nodes.compactMap { self[$0] }.compactMap { parameter(.weight, of: $0)?.count }.reduce(0, +)
  }
}
