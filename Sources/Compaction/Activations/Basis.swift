/// What decides which directions of a layer's matrix are kept.
public enum Basis: String, Sendable, Codable, CaseIterable {
  /// Its own singular values, which the regulariser trains.
  case weights
  /// The principal components of its activations for training images; see `ActivationNorm`.
  case activations
  /// The same, each layer weighed by what its loss does to the outputs; see `LayerEffects`.
  case effect

  /// Whether it takes images to decide.
  public var needsImages: Bool { self != .weights }

  /// Models and runs of earlier versions say `responses`.
  public init(from decoder: any Decoder) throws { self = try decoder.case(earlier: ["responses": .activations]) }
}

extension Decoder {
  /// The case whose name stands here, or that an earlier version wrote as `earlier` has it.
  ///
  /// - Throws: `DecodingError` naming the cases when it is none of them.
  func `case`<Value: RawRepresentable<String> & CaseIterable>(earlier: [String: Value]) throws -> Value {
    let name = try singleValueContainer().decode(String.self)
    if let value = Value(rawValue: name) ?? earlier[name] { return value }
    let names = Value.allCases.map(\.rawValue).joined(separator: " or ")
    throw DecodingError.dataCorrupted(
      DecodingError.Context(codingPath: codingPath, debugDescription: "is \(name), expected \(names)"))
  }
}
