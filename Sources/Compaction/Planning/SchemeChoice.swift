import Networks

/// Until planning has its new form.
public typealias Scheme = Decomposition
extension Decomposition { public var rawValue: String { name } }

/// Which decompositions a plan may choose from.
public enum SchemeChoice: String, Sendable, Codable, CaseIterable {
  /// The one whose matrix the regulariser trains.
  case trained
  /// For each layer the best.
  case any

  var allowed: [Decomposition] { self == .any ? Decomposition.allCases : [.spatialFirst] }
}
