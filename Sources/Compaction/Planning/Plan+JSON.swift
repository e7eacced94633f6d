import Foundation
import Reports

extension Plan {
  /// Reads a plan that was kept as JSON, and may have been edited; `Compressor.fitted` checks it against a network.
  ///
  /// - Parameter name: what the file is called in errors.
  /// - Throws: `PlanError` naming the first value that is missing or makes no sense.
  public init(json: Data, named name: String) throws {
    do {
      self = try ReadableJSON.decode(Plan.self, from: json)
    } catch let error as DecodingError {
      throw PlanError("\(name) holds no plan: \(error.sentence); make a new one")
    }
  }
}

extension DecodingError {
  fileprivate var sentence: String {
    switch self {
    case .keyNotFound(let key, let context): "\(Self.place(context))has no \(ReadableJSON.key(key.stringValue))"
    case .valueNotFound(_, let context): "\(Self.place(context))has no value"
    case .typeMismatch(let type, let context): "\(Self.place(context))is no \(Self.word(type))"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is no JSON"
    case .dataCorrupted(let context): "\(Self.place(context))\(context.debugDescription)"
    @unknown default: "it cannot be read"
    }
  }

  /// `layers[3].form `, or `it ` for the whole.
  private static func place(_ context: Context) -> String {
    let path = context.codingPath.map { key in key.intValue.map { "[\($0)]" } ?? ".\(ReadableJSON.key(key.stringValue))"
    }.joined()
    return path.isEmpty ? "it " : "\(path.drop { $0 == "." }) "
  }

  private static func word(_ type: Any.Type) -> String {
    switch type {
    case is Int.Type: "whole number"
    case is Double.Type: "number"
    case is String.Type: "word"
    default: "\(type)"
    }
  }
}
