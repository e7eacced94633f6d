/// What decides which directions of a layer's matrix are kept.
public enum Basis: String, Sendable, Codable, CaseIterable {
  /// Its own singular values, which the regulariser trains.
  case weights
  /// The principal components of its activations for training images; see `ActivationNorm`.
  case activations = "responses"
}
