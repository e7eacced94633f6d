/// The path of a file as the bytes that the system knows it by, which need not be UTF-8.
///
/// Two names that look alike, as an accent written in one character and in two, are two paths.
struct RawPath: Sendable, Hashable, CustomStringConvertible {
  let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init(_ path: String) { bytes = Array(path.utf8) }

  func appending(_ name: [UInt8]) -> RawPath { RawPath(bytes: bytes + [UInt8(ascii: "/")] + name) }

  /// The path as text, with `\xE9` for a byte that is no UTF-8.
  var description: String { Self.text(of: bytes) }

  /// What stands behind the last slash.
  var name: ArraySlice<UInt8> { bytes[((bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...] }

  /// The ending of the name in lower case with its dot, such as `.jpg`; empty where there is none.
  var ending: String {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
    return Self.text(of: Array(name[dot...])).lowercased()
  }

  func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
    (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("a path has at least its end") }
      return body(start)
    }
  }

  static func text(of bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return bytes.map { byte in
      byte < 0x80 ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
    }.joined()
  }
}
