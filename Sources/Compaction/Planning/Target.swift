import Networks

/// What a plan has to reach.
public enum Target: Sendable, Codable, Equatable {
  /// Each layer keeps this share of its energy, e_r in the paper.
  case energy(Double)
  /// At most these fractions of the parameters and of the multiply-accumulates stay.
  case size(Fractions)
  /// At most this fraction of the network's time stays, by a `LayerClock`.
  case time(Double)

  /// At most this fraction of the parameters stays.
  public static func parameters(_ fraction: Double) -> Target { .size(Fractions(parameters: fraction)) }
  /// At most this fraction of the multiply-accumulates stays.
  public static func macs(_ fraction: Double) -> Target { .size(Fractions(macs: fraction)) }

  var shares: [Double] {
    switch self {
    case .energy(let share), .time(let share): [share]
    case .size(let fractions): fractions.all.map(\.fraction)
    }
  }

  /// Fractions of a network that at most stay; nil does not limit that cost.
  public struct Fractions: Sendable, Codable, Equatable {
    public var parameters: Double?
    public var macs: Double?

    public init(parameters: Double? = nil, macs: Double? = nil) {
      self.parameters = parameters
      self.macs = macs
    }
  }
}

extension Target.Fractions {
  var all: [(what: String, fraction: Double, cost: KeyPath<Cost, Int>)] {
    (parameters.map { [("parameters", $0, \Cost.parameters)] } ?? []) + (macs.map { [("MACs", $0, \Cost.macs)] } ?? [])
  }

  /// The smallest of them; 1 where there is none.
  public var least: Double { all.map(\.fraction).min() ?? 1 }

  /// The share of `whole` that `cost` is, where one is limited. Of two it is that of the one farther from its fraction,
  /// as if its fraction were the smaller: at most `least` where both are met.
  public func share(_ cost: Cost, of whole: Cost) -> Double {
    let shares = all.map { limit in
      Double(cost[keyPath: limit.cost]) / Double(max(1, whole[keyPath: limit.cost])) * (least / limit.fraction)
    }
    return shares.max() ?? 1
  }

  /// How many parameters and multiply-accumulates stay at most; `.max` limits nothing.
  func limits(of whole: Cost) -> SIMD2<Int> {
    [
      parameters.map { Int($0 * Double(whole.parameters)) } ?? .max, macs.map { Int($0 * Double(whole.macs)) } ?? .max,
    ]
  }
}

extension Cost {
  /// Parameters and multiply-accumulates.
  var size: SIMD2<Int> { [parameters, macs] }
}

/// A target that no plan reaches, or a plan that does not fit, in a sentence.
public struct PlanError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
