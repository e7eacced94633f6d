import Foundation
import Networks

/// Why a plan leaves a layer as it stands; its description is the only place where reasons become sentences.
public enum DenseReason: Sendable, Codable, Equatable {
  /// A pattern names the layer, or it is the first or the last.
  case leftOut
  /// The layer cannot be factorised: it is grouped, shares its weight, or is a pair already.
  case obstacle(_ what: String)
  /// The layer is a pair, and the energy needs this rank or more.
  case alreadyAtRank(Int)
  /// Factors of the rank that the energy needs would have as many weights or more.
  case notSmaller(rank: Int)
  /// Other layers save more for what is lost.
  case losesMoreThanItSaves
  /// Milliseconds of the layer, which may be a pair at `rank`, and of the fastest factors; nil where it is too narrow.
  case time(milliseconds: Double, rank: Int?, fastest: FactorTime?)
  /// Whoever edited the plan wants it so.
  case edited

  /// How long factors of a layer take.
  public struct FactorTime: Sendable, Codable, Equatable {
    public var decomposition: Decomposition
    public var rank: Int
    public var milliseconds: Double
  }
}

extension DenseReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .leftOut: "left out"
    case .obstacle(let what): what
    case .alreadyAtRank(let rank): "already at rank \(rank)"
    case .notSmaller(let rank): "rank \(rank) would not be smaller"
    case .losesMoreThanItSaves: "a lower rank would lose more than it saves"
    case .time(let milliseconds, let rank, let fastest): Self.sentence(milliseconds, rank, fastest)
    case .edited: "as edited"
    }
  }

  /// The same in a few words, for tables that have no room for sentences.
  public var inFewWords: String {
    switch self {
    case .notSmaller(let rank): "rank \(rank) no smaller"
    case .losesMoreThanItSaves: "loses too much"
    case .time(_, _, nil): "too narrow"
    case .time(let milliseconds, _, let fastest?):
      fastest.milliseconds < MeasuredTime.sureGain * milliseconds ? "loses too much" : "factors no faster"
    default: description
    }
  }

  private static func sentence(_ own: Double, _ rank: Int?, _ fastest: FactorTime?) -> String {
    let layer = "\(own.threeDecimals) ms " + (rank.map { "at rank \($0)" } ?? "dense")
    guard let fastest else { return "\(layer), too narrow for factors" }
    let isFaster = fastest.milliseconds < MeasuredTime.sureGain * own
    return """
      \(layer), \(fastest.milliseconds.threeDecimals) ms at rank \(fastest.rank) as \(fastest.decomposition.kernels)\
      \(isFaster ? ": loses more than it saves" : "")
      """
  }
}

extension Double {
  fileprivate var threeDecimals: String { String(format: "%.3f", self) }
}
