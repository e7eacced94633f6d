import Networks

/// What will be done to a network: which units go, which layers are factorised at which rank, and what that costs.
///
/// A value that can be printed, saved, edited and tested without tensors; `Compaction` only executes it.
public struct Plan: Sendable, Codable {
  /// What happens to one layer.
  public enum Choice: Sendable, Equatable {
    /// It stays as it is.
    case dense(reason: String)
    /// It becomes two factors of this rank.
    case factorized(rank: Int, scheme: Scheme = .spatialFirst)
  }

  public struct Layer: Sendable, Codable {
    public var name: String
    public var choice: Choice
    /// N, without the units that go.
    public var units: Int
    /// N as given.
    public var unitsBefore: Int
    /// Numerical rank without the units that go.
    public var rank: Int
    /// The share of the energy that is kept.
    public var energy: Double
    /// √(Σ discarded σ²), the error to be measured when the plan is executed: Frobenius, or as responses change.
    public var error: Double
    /// The same of W itself, to which `error` relates.
    public var norm: Double
    /// Weights as given and after.
    public var weightsBefore: Int
    public var weights: Int
    /// Milliseconds for a batch as given and after, where the plan is by time.
    public var millisecondsBefore: Double?
    public var milliseconds: Double?
  }

  /// What a plan by time foretells, in milliseconds for a batch.
  public struct Time: Sendable, Codable, Equatable {
    public var conditions: TimingConditions
    /// The network as given, and after the plan.
    public var original: Double
    public var predicted: Double
    /// What of these is in no layer with a matrix: batch norms, activations, additions, pooling.
    public var restBefore: Double
    public var rest: Double
    /// Σ over layers of −log of what they keep, scaled by the batch norms; and what no choice of ranks beats.
    public var loss: Double
    public var bound: Double
  }

  public var layers: [Layer]
  public var original: Cost
  /// Cost after the plan; activation bytes are those of the narrowed network plus the values between factors.
  public var predicted: Cost
  public var energyMeasure: EnergyMeasure
  /// The share of the energy that every factorised layer keeps at least.
  public var energy: Double
  /// The share of Σ‖θ_n‖ over the units of a tie that every tie keeps at least; 1 cuts only what is silent.
  public var unitShare: Double
  /// How many units each tie keeps, by the name of its family, where each has its own number.
  public var unitCounts: [String: Int]?
  public var minimumUnits: Int
  /// How many images' responses decided, where they did: energies and errors are those of responses then.
  public var responses: Int?
  /// What is foretold of time, where the plan is by time.
  public var time: Time?

  /// Which units stay.
  public var unitChoice: UnitChoice { unitCounts.map { .counts($0) } ?? .share(unitShare) }

  /// Whether something of the function is given up, beyond what float32 rounds away.
  public var isLossy: Bool { unitShare < 1 || layers.contains { $0.error > 1e-6 * $0.norm } }
}

extension Plan.Choice: Codable {
  private enum Key: String, CodingKey { case dense, rank, scheme }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if let rank = try container.decodeIfPresent(Int.self, forKey: .rank) {
      // Files from before there were others have no scheme.
      let scheme = try container.decodeIfPresent(Scheme.self, forKey: .scheme)
      self = .factorized(rank: rank, scheme: scheme ?? .spatialFirst)
    } else {
      self = .dense(reason: try container.decode(String.self, forKey: .dense))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .dense(let reason): try container.encode(reason, forKey: .dense)
    case .factorized(let rank, let scheme):
      try container.encode(rank, forKey: .rank)
      if scheme != .spatialFirst { try container.encode(scheme, forKey: .scheme) }
    }
  }
}
