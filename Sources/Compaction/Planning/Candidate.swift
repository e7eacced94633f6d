import Foundation
import Networks

/// What a layer is, or becomes.
public enum Form: Sendable, Equatable {
  /// As it stands.
  case dense
  /// Factors of this rank.
  case lowRank(Decomposition = .spatialFirst, rank: Int)

  public var rank: Int? { if case .lowRank(_, let rank) = self { rank } else { nil } }

  /// Whether a plan knows its error; of more than two factors it knows an upper bound.
  var isExact: Bool { if case .lowRank(let decomposition, _) = self { decomposition.isPair } else { true } }
}

/// One form that a layer may take, with what it costs and what it loses.
struct Candidate: Equatable {
  /// The layer's place among those of `Network.matrixLayers`.
  var layer: Int
  var form: Form
  /// Parameters and multiply-accumulates; or nanoseconds and nothing.
  var cost: SIMD2<Int>
  /// The share of the energy that goes, or −log of what is kept; 0 loses nothing.
  var loss: Double

  /// The same with −log of what is kept, where `share` went with the units before: units count twice, since counted
  /// once too many go (`Documentation/decisions/planning.md`).
  func losing(units share: Double) -> Candidate {
    var candidate = self
    let kept = max((1 - share) * (1 - share) * (1 - loss), .leastNormalMagnitude)
    candidate.loss = -log(kept)
    return candidate
  }
}

extension [Candidate] {
  var cost: SIMD2<Int> { reduce(.zero) { $0 &+ $1.cost } }
  var loss: Double { reduce(0) { $0 + $1.loss } }
}

extension Analysis {
  /// The candidates of every layer, the dense one first; losses are of the layer as given, removed units included.
  func candidates(_ costs: some CostModel) -> [[Candidate]] {
    layers.enumerated().map { index, layer in
      costs.costs(of: layer).map { form, cost in
        var candidate = Candidate(layer: index, form: form, cost: cost, loss: layer.loss(of: form))
          .losing(units: layer.unitLoss)
        candidate.loss *= layer.weight
        return candidate
      }
    }
  }
}

extension Form: Codable {
  private enum Key: String, CodingKey { case rank, decomposition }

  /// `"dense"`, or `{"rank": 8, "decomposition": "kxk-1x1"}`; without a decomposition the one that the regulariser
  /// trains.
  public init(from decoder: any Decoder) throws {
    if let word = try? decoder.singleValueContainer().decode(String.self) {
      guard word == "dense" else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "the form is \(word), expected dense or a rank"))
      }
      self = .dense
      return
    }
    let container = try decoder.container(keyedBy: Key.self)
    let decomposition = try container.decodeIfPresent(Decomposition.self, forKey: .decomposition)
    self = .lowRank(decomposition ?? .spatialFirst, rank: try container.decode(Int.self, forKey: .rank))
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .dense:
      var container = encoder.singleValueContainer()
      try container.encode("dense")
    case .lowRank(let decomposition, let rank):
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(rank, forKey: .rank)
      try container.encode(decomposition, forKey: .decomposition)
    }
  }
}
