import Foundation

extension Safetensors {
  /// A tensor to be written; the bytes are only borrowed and must outlive the call that writes them.
  public struct Content {
    public let name: String
    public let type: ElementType
    public let shape: [Int]
    /// Little endian, row-major.
    public let bytes: UnsafeRawBufferPointer

    public init(name: String, type: ElementType, shape: [Int], bytes: UnsafeRawBufferPointer) {
      self.name = name
      self.type = type
      self.shape = shape
      self.bytes = bytes
    }
  }

  /// Writes the tensors and the metadata, whole or not at all; the same input gives the same bytes.
  ///
  /// The order is the reference implementation's: wide types first, then by name; the metadata is sorted by key.
  /// Throws `ContainerError` when two tensors share a name, bytes do not fit a shape, or the disk refuses.
  public static func write(_ tensors: [Content], metadata: [String: String] = [:], to file: URL) throws {
    try check(tensors, for: file)
    let sorted = tensors.sorted { first, second in
      let (left, right) = (first.type.order, second.type.order)
      return left == right ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8) : left > right
    }
    let header = header(of: sorted, metadata: metadata)
    guard header.count <= largestHeader else {
      throw ContainerError(
        file,
        "would get a header of \(header.count) bytes, expected at most \(largestHeader); shorten names or metadata")
    }
    try AtomicFile.write(to: file) { sink in
      try Swift.withUnsafeBytes(of: UInt64(header.count).littleEndian) { try sink.write($0) }
      try header.withUnsafeBytes { try sink.write($0) }
      for tensor in sorted { try sink.write(tensor.bytes) }
    }
  }

  private static func check(_ tensors: [Content], for file: URL) throws {
    var seen: Set<String> = []
    for tensor in tensors {
      let name = tensor.name
      guard name != "__metadata__" else {
        throw ContainerError(file, "cannot hold a tensor named __metadata__, a name the format keeps; rename it")
      }
      guard seen.insert(name).inserted else {
        throw ContainerError(file, "cannot hold two tensors named \(name.shown()); rename one")
      }
      let expected = tensor.shape.contains { $0 < 0 } ? nil : tensor.type.byteCount(of: tensor.shape)
      guard expected == tensor.bytes.count else {
        let needs = expected.map { "\($0) bytes" } ?? "a shape of at most 2^63 bytes"
        throw ContainerError(
          file,
          "cannot hold tensor \(name.shown()): expected \(needs) for \(tensor.type.rawValue) of shape "
            + "\(tensor.shape), found \(tensor.bytes.count) bytes; pass the whole tensor")
      }
    }
  }

  /// The JSON header, padded with spaces so that the tensors begin at a multiple of 8 bytes.
  private static func header(of tensors: [Content], metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\($0.key.quotedJSON):\($0.value.quotedJSON)" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      members.append(
        tensor.name.quotedJSON
          + ":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    let json = Array("{\(members.joined(separator: ","))}".utf8)
    return json + Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
  }
}

extension Safetensors.ElementType {
  /// The place in the reference implementation's list of types, which ascends in size.
  fileprivate var order: Int {
    switch self {
    case .bool: 0
    case .uint8: 1
    case .int8: 2
    case .int16: 3
    case .float16: 4
    case .bfloat16: 5
    case .int32: 6
    case .float32: 7
    case .float64: 8
    case .int64: 9
    }
  }
}

extension String {
  /// The text as a JSON string, with the escapes that serde_json writes.
  fileprivate var quotedJSON: String {
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\0"..<" ": text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
