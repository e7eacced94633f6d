import Networks

/// Which decompositions a plan may choose from.
public enum DecompositionChoice: String, Sendable, Codable, CaseIterable {
  /// The one whose matrix the regulariser trains.
  case trained
  /// For each layer the best.
  case any

  var allowed: [Decomposition] { self == .any ? Decomposition.allCases : [.spatialFirst] }
}
