import Foundation

/// JSON that people and their programs read: keys in snake_case, sorted, and numbers of six digits.
///
/// Dictionaries keep the keys that they have.
public enum ReadableJSON {
  /// - Parameter isPretty: on lines of their own, or all on one.
  public static func text(_ value: some Encodable, isPretty: Bool = true) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return roundingNumbers(in: String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Reads keys in snake_case, and those in camelCase that earlier versions wrote.
  public static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: data)
  }

  /// `word` as a key: `denseMacs` is dense_macs.
  public static func key(_ word: String) -> String {
    word.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }

  /// Fractions with six digits; whole numbers and text stay.
  static func roundingNumbers(in json: String) -> String {
    var result = ""
    result.reserveCapacity(json.utf8.count)
    var rest = Substring(json)
    while let character = rest.first {
      if character == "\"" {
        result += text(&rest)
      } else if character == "-" || character.isNumber {
        let number = rest.prefix { "+-.eE".contains($0) || $0.isNumber }
        rest = rest.dropFirst(number.count)
        result += rounded(number)
      } else {
        result.append(character)
        rest.removeFirst()
      }
    }
    return result
  }

  /// Takes a string literal away and gives it.
  private static func text(_ rest: inout Substring) -> String {
    var (end, isEscaped) = (rest.index(after: rest.startIndex), false)
    while end < rest.endIndex, isEscaped || rest[end] != "\"" {
      isEscaped = !isEscaped && rest[end] == "\\"
      end = rest.index(after: end)
    }
    end = end < rest.endIndex ? rest.index(after: end) : end
    defer { rest = rest[end...] }
    return String(rest[..<end])
  }

  private static func rounded(_ number: Substring) -> String {
    guard number.contains(where: { ".eE".contains($0) }), let value = Double(number), value.isFinite else {
      return String(number)
    }
    let digits = abs(value) < 1e6 ? String(format: "%.6g", value) : String(format: "%.0f", value)
    // A whole number beyond 2^53 is not one that anybody counted.
    return abs(value) < 9e15 ? digits : String(number)
  }
}
