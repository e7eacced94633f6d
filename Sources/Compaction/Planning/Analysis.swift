import Networks
import Torch

/// What a plan is decided from: the spectra, shapes and costs of a network without the units that go.
///
/// A value without tensors, so that planning can be tested and repeated without a network.
public struct Analysis: Sendable {
  /// One layer that could be factorised.
  public struct Layer: Sendable {
    public var name: String
    /// In each decomposition that is considered, first the paper's: never empty.
    public var curves: [RankCurve]
    /// Positions at which the layer's matrix is applied for one image: output pixels, or 1.
    var positions: Int
    /// Weights as the layer stands, and as it was given.
    var weights: Int
    var weightsBefore: Int
    /// Units as it was given.
    var unitsBefore: Int
    /// The rank it has as a pair of factors already.
    var factorizedRank: Int?
    /// Why it must stay as it is, if it must.
    var obstacle: DenseReason?
    /// The share of what it does that goes with units, its own and those that it reads; see `UnitContributions`.
    var unitLoss = 0.0
    /// What a loss here counts against that of other layers; see `LayerEffects`.
    var weight = 1.0
    /// Milliseconds as it stands, where the target is a time.
    var milliseconds: Double?

    /// Of the paper's unfolding.
    var spectrum: Spectrum { curves[0].spectrum }
    /// Units without those that go.
    public var units: Int { spectrum.rows }

    func curve(of decomposition: Decomposition) -> RankCurve? { curves.first { $0.decomposition == decomposition } }

    /// The share of the layer that a form loses.
    func loss(of form: Form) -> Double {
      guard case .lowRank(let decomposition, let rank) = form, let curve = curve(of: decomposition) else { return 0 }
      return curve.losses[rank]
    }

    /// What the network's cost changes by when the layer takes this form.
    func change(to form: Form) -> Cost {
      guard case .lowRank(let decomposition, let rank) = form, let costs = curve(of: decomposition)?.costs else {
        return Cost()
      }
      // A pair has its values between the factors already.
      let between = factorizedRank.map { costs[$0].activationBytes } ?? 0
      return Cost(
        parameters: costs[rank].parameters - weights, macs: costs[rank].macs - weights * positions,
        activationBytes: costs[rank].activationBytes - between)
    }
  }

  /// Channels that only go together, each group of them one unit: those of a layer, or of several that are coupled.
  struct GroupWidth: Equatable {
    var name: String
    /// ‖θ_n‖ of its units, the strongest first.
    var norms: [Double]
    /// How many of them stay.
    var kept: Int
    /// Where time decides, a multiple of this many stays.
    var step = 1

    /// The share of Σ‖θ_n‖ that stays.
    var share: Double {
      let whole = norms.reduce(0, +)
      return whole > 0 ? norms.prefix(kept).reduce(0, +) / whole : 1
    }
  }

  public var layers: [Layer]
  var groups: [GroupWidth] = []
  /// How many units each group keeps, by its name.
  var widths: [String: Int] = [:]
  /// The network as given.
  var original: Cost
  /// The network without the units that go.
  var narrowed: Cost
  /// How long both take, where the target is a time.
  public internal(set) var times: Times?

  /// How the spectra of layers come about that lost units, or read fewer.
  enum Fidelity {
    /// They are computed.
    case exact
    /// They are those of the last exact analysis, as if the part of the ranks that stays told what it holds.
    case draft
  }

  public struct Times: Sendable, Equatable {
    public var conditions: TimingConditions
    public var original: NetworkTime
    public var narrowed: NetworkTime
  }
}

extension Analysis {
  /// - Parameters:
  ///   - network: the network as given.
  ///   - narrowed: the same without the units that go.
  ///   - decompositions: the decompositions that are considered.
  ///   - isLeftOut: layers that stay as they are.
  /// - Throws: `NetworkError`, or `TorchError` when a spectrum does not converge.
  init(
    of network: Network, narrowed: Network, _ decompositions: [Decomposition] = [.spatialFirst],
    by losses: any LossModel,
    leavingOut isLeftOut: (String) -> Bool = { _ in false }, remembering memory: CurveMemory = CurveMemory(),
    _ fidelity: Fidelity = .exact
  ) throws {
    let shapes = try narrowed.validate()
    layers = try zip(network.matrixLayers, narrowed.matrixLayers).map { old, layer in
      let obstacle = layer.obstacle.map(DenseReason.obstacle) ?? (isLeftOut(layer.name) ? .leftOut : nil)
      let (first, last) = (narrowed[layer.nodes[0]], narrowed[layer.nodes[layer.nodes.count - 1]])
      let input = first.flatMap { shapes[$0.inputs[0]] } ?? []
      let possible = obstacle != nil || layer.isFactorized ? [.spatialFirst] : Decomposition.all(for: layer.shape)
      let curves = try memory.curves(narrowed.curveKey(of: layer), fidelity) { earlier in
        try possible.filter(decompositions.contains).map { decomposition in
          try earlier?.first { $0.decomposition == decomposition }?.resized(to: layer, in: narrowed, reading: input)
            ?? RankCurve(of: layer, in: narrowed, reading: input, as: decomposition, losses)
        }
      }
      return Layer(
        name: layer.name, curves: curves, positions: narrowed.positions(last, shapes),
        weights: narrowed.weights(of: layer), weightsBefore: network.weights(of: old),
        unitsBefore: old.units,
        factorizedRank: narrowed.factorizedRank(of: layer), obstacle: obstacle)
    }
    original = try network.cost()
    self.narrowed = try narrowed.cost()
  }
}

/// Curves of earlier analyses of the same network: from one to the next most layers stay what they were.
final class CurveMemory {
  /// A layer by all that its curves depend on.
  struct Key: Hashable {
    var layer: String
    var shape: [Int]
    /// Of the weights and the scale behind them.
    var values: Int
  }

  private var curves: [Key: [RankCurve]] = [:]
  /// Of every layer in the last exact analysis.
  private var latest: [String: [RankCurve]] = [:]

  /// - Parameter make: given the curves to make a draft of, if one will do.
  func curves(
    _ key: Key, _ fidelity: Analysis.Fidelity, _ make: (_ earlier: [RankCurve]?) throws -> [RankCurve]
  ) rethrows -> [RankCurve] {
    if fidelity == .draft, let earlier = latest[key.layer] { return try curves[key] ?? make(earlier) }
    let own = try curves[key] ?? make(nil)
    (curves[key], latest[key.layer]) = (own, own)
    return own
  }
}

extension Network {
  fileprivate func curveKey(of layer: MatrixLayer) -> CurveMemory.Key {
    var hasher = Hasher()
    for weight in layer.weights.compactMap({ parameters[$0] }) {
      // As bytes: element by element a large network takes longer than all that is planned with it.
      weight.to(.float64).values(as: Double.self).withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    hasher.combine(scale(behind: layer))
    return CurveMemory.Key(layer: layer.name, shape: layer.shape, values: hasher.finalize())
  }

  /// How often a layer's matrix is applied for one image: pixels, or tokens, whose last axis are the units.
  fileprivate func positions(_ node: Node?, _ shapes: [String: [Int]]) -> Int {
    guard let node, let operation = node.operation as? any WeightedOperation else { return 1 }
    let output = shapes[node.name] ?? []
    let unitAxis = operation.unitAxis(rank: output.count)
    return output.indices.filter { $0 != unitAxis }.map { output[$0] }.reduce(1, *)
  }

  fileprivate func weights(of layer: MatrixLayer) -> Int {
    layer.nodes.compactMap { self[$0] }.compactMap { parameter(.weight, of: $0)?.count }.reduce(0, +)
  }
}
