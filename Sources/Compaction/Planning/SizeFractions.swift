import Networks

/// Fractions of a network that at most stay; nil leaves a cost to itself.
public struct SizeFractions: Sendable, Codable, Equatable {
  public var parameters: Double?
  public var macs: Double?

  public init(parameters: Double? = nil, macs: Double? = nil) {
    self.parameters = parameters
    self.macs = macs
  }

  var all: [(what: String, fraction: Double, cost: KeyPath<Cost, Int>)] {
    (parameters.map { [("parameters", $0, \Cost.parameters)] } ?? []) + (macs.map { [("MACs", $0, \Cost.macs)] } ?? [])
  }

  /// The smallest of them; 1 where there is none.
  public var least: Double { all.map(\.fraction).min() ?? 1 }

  /// The share of `whole` that `cost` is, where one is limited. Of two it is that of the one farther from its fraction, as
  /// if its fraction were the smaller: at most `least` where both are met.
  public func share(_ cost: Cost, of whole: Cost) -> Double {
    let shares = all.map { limit in
      Double(cost[keyPath: limit.cost]) / Double(max(1, whole[keyPath: limit.cost])) * (least / limit.fraction)
    }
    return shares.max() ?? 1
  }

  func limits(of whole: Cost) -> SizeLimits {
    SizeLimits(
      parameters: parameters.map { Int($0 * Double(whole.parameters)) }, macs: macs.map { Int($0 * Double(whole.macs)) }
    )
  }
}

/// How large a network may be.
struct SizeLimits: Equatable {
  /// Nil limits nothing.
  var parameters: Int?
  var macs: Int?

  var size: SIMD2<Int> { [parameters ?? .max, macs ?? .max] }
  func hold(_ cost: Cost) -> Bool { cost.size.isWithin(size) }
  /// Whether the first costs less than the second of something that is limited.
  func save(_ size: SIMD2<Int>, over other: SIMD2<Int>) -> Bool {
    (parameters != nil && size.x < other.x) || (macs != nil && size.y < other.y)
  }
}

extension Cost {
  /// Parameters and multiply-accumulates.
  var size: SIMD2<Int> { [parameters, macs] }
}
