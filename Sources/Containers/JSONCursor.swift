import Foundation

/// A place in JSON text, which reads the strings, whole numbers and marks that a header consists of.
///
/// `what` in each function names the thing being read, for the error's sentence.
struct JSONCursor {
  private let bytes: [UInt8]
  private let file: URL
  private var position = 0

  init(_ bytes: [UInt8], file: URL) {
    self.bytes = bytes
    self.file = file
  }

  /// Steps over the mark if it comes next, after white space.
  mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: mark) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ mark: Unicode.Scalar, _ what: String) throws {
    if !skip(mark) { throw fault("expected \(mark) for \(what), found \(found())") }
  }

  mutating func expectEnd() throws {
    skipSpace()
    if position < bytes.count { throw fault("expected nothing after the closing brace, found \(found())") }
  }

  /// Reads a whole number from 0 to 2^63 - 1; -1, 1.5, 1e3, NaN are errors.
  mutating func readNumber(_ what: String) throws -> Int {
    skipSpace()
    let start = position
    while position < bytes.count, !",]} \t\n\r".utf8.contains(bytes[position]) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard isPlain, text == "0" || !text.hasPrefix("0"), let number = Int(text) else {
      let shown = text.isEmpty ? found() : text.shown(limit: 40)
      throw fault("expected a whole number from 0 to \(Int.max) in \(what), found \(shown)", at: start)
    }
    return number
  }

  mutating func readString(_ what: String) throws -> String {
    skipSpace()
    let start = position
    guard skip("\"") else { throw fault("expected text in quotes for \(what), found \(found())") }
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fault("expected UTF-8 in \(what), found other bytes", at: start)
        }
        return string
      case UInt8(ascii: "\\"): try readEscape(into: &text, what)
      case 0..<0x20: throw fault("expected no control character in \(what), found byte \(byte)", at: position - 1)
      default: text.append(byte)
      }
    }
    throw fault("expected a closing quote for \(what), found the header's end", at: start)
  }

  private mutating func readEscape(into text: inout [UInt8], _ what: String) throws {
    let start = position - 1
    guard position < bytes.count else { throw fault("expected an escape in \(what), found the header's end") }
    let byte = bytes[position]
    position += 1
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": text.append(byte)
    case "b": text.append(0x08)
    case "f": text.append(0x0C)
    case "n": text.append(0x0A)
    case "r": text.append(0x0D)
    case "t": text.append(0x09)
    case "u": text.append(contentsOf: String(try readScalar(what, from: start)).utf8)
    default: throw fault("expected an escape that JSON knows in \(what), found another", at: start)
    }
  }

  /// Reads the digits of `\u….`, and the second half where the first is half a surrogate pair.
  private mutating func readScalar(_ what: String, from start: Int) throws -> Unicode.Scalar {
    let first = readHexadecimal()
    if let first, let scalar = Unicode.Scalar(first) { return scalar }
    if let first, (0xD800..<0xDC00).contains(first), bytes[position...].starts(with: "\\u".utf8) {
      position += 2
      if let second = readHexadecimal(), (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    throw fault("expected the escape of a Unicode character in \(what), found another", at: start)
  }

  private mutating func readHexadecimal() -> UInt32? {
    guard position + 4 <= bytes.count else { return nil }
    let digits = bytes[position..<position + 4]
    position += 4
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private mutating func skipSpace() {
    while position < bytes.count, " \t\n\r".utf8.contains(bytes[position]) { position += 1 }
  }

  private func found() -> String {
    guard position < bytes.count else { return "the header's end" }
    return String(decoding: bytes[position...].prefix(12), as: UTF8.self).shown()
  }

  private func fault(_ sentence: String, at place: Int? = nil) -> ContainerError {
    let byte = 8 + (place ?? position)
    return ContainerError(file, "has a damaged header at byte \(byte): \(sentence); fetch or export it again")
  }
}
