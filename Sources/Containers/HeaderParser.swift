import Foundation

/// Reads the JSON header of a safetensors file into what it declares, before any of it is believed.
///
/// Not `JSONDecoder`: that one takes the last of two equal keys and 1.0 for a whole number. The header's grammar has
/// a fixed depth, so no function here calls itself and nested braces cannot exhaust the stack.
struct HeaderParser {
  /// A tensor as the header declares it.
  struct Declaration {
    var name: String
    var type: String
    var shape: [Int]
    /// First byte and end, counted from the end of the header.
    var offsets: [Int]
  }

  struct Header {
    var metadata: [String: String] = [:]
    var tensors: [Declaration] = []
  }

  private var cursor: JSONCursor
  private let file: URL

  init(_ bytes: Data, file: URL) {
    cursor = JSONCursor([UInt8](bytes), file: file)
    self.file = file
  }

  mutating func parse() throws -> Header {
    var header = Header()
    try eachKey(of: "the header") { parser, name in
      if name == "__metadata__" {
        header.metadata = try parser.parseMetadata()
      } else {
        header.tensors.append(try parser.parseDeclaration(of: name))
      }
    }
    try cursor.expectEnd()
    return header
  }

  private mutating func parseMetadata() throws -> [String: String] {
    var metadata: [String: String] = [:]
    try eachKey(of: "__metadata__") { parser, key in
      metadata[key] = try parser.cursor.readString("the metadata \(key.shown())")
    }
    return metadata
  }

  private mutating func parseDeclaration(of name: String) throws -> Declaration {
    let tensor = "tensor \(name.shown())"
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try eachKey(of: tensor) { parser, key in
      switch key {
      case "dtype": type = try parser.cursor.readString("the dtype of \(tensor)")
      case "shape": shape = try parser.parseNumbers("the shape of \(tensor)")
      case "data_offsets": offsets = try parser.parseNumbers("the data_offsets of \(tensor)")
      default:
        throw ContainerError(
          parser.file,
          "declares \(key.shown()) for \(tensor), expected only dtype, shape and data_offsets; export it again")
      }
    }
    guard let type, let shape, let offsets else {
      let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw ContainerError(file, "declares no \(missing) for \(tensor), expected one; export it again")
    }
    return Declaration(name: name, type: type, shape: shape, offsets: offsets)
  }

  private mutating func parseNumbers(_ what: String) throws -> [Int] {
    try cursor.expect("[", what)
    var numbers: [Int] = []
    if cursor.skip("]") { return numbers }
    repeat {
      numbers.append(try cursor.readNumber(what))
    } while cursor.skip(",")
    try cursor.expect("]", what)
    return numbers
  }

  /// Reads `{"key": value, …}`, with the closure reading each value; a key that comes twice is an error.
  private mutating func eachKey(
    of owner: String, _ readValue: (inout HeaderParser, String) throws -> Void
  ) throws {
    try cursor.expect("{", owner)
    if cursor.skip("}") { return }
    var seen: Set<String> = []
    repeat {
      let key = try cursor.readString("a name in \(owner)")
      guard seen.insert(key).inserted else {
        throw ContainerError(file, "declares \(key.shown()) twice in \(owner), expected it once; export it again")
      }
      try cursor.expect(":", "\(key.shown()) in \(owner)")
      try readValue(&self, key)
    } while cursor.skip(",")
    try cursor.expect("}", owner)
  }
}
