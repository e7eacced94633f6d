import Foundation

/// A safetensors file, memory-mapped and checked whole: named tensors as plain bytes, and text metadata.
///
/// The format: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes without holes.
/// Do not shorten the file while it is open; replacing it (as `AtomicFile` does) is safe.
/// Source: https://github.com/huggingface/safetensors
public struct Safetensors: Sendable {
  /// One tensor of the file.
  public struct Entry: Hashable, Sendable {
    public let name: String
    public let type: ElementType
    public let shape: [Int]
    /// Where its bytes are, counted from the file's first byte.
    public let range: Range<Int>
  }

  public let file: URL
  public let metadata: [String: String]
  /// The tensors in the order of their bytes in the file.
  public let entries: [Entry]
  /// Names of tensors of types that the format has and nothing here reads, such as numbers of eight bits, with those
  /// types.
  public let unreadable: [String: String]

  private let content: Data
  private let positions: [String: Int]

  /// Opens a file and checks its header against its size; the tensors' bytes are read only when asked for.
  ///
  /// Throws `ContainerError` when the file is missing, shortened or contradicts itself.
  public init(contentsOf file: URL) throws {
    let content = try Data(mapping: file)
    let headerRange = try Self.headerRange(of: content, in: file)
    var parser = HeaderParser(content[headerRange], file: file)
    let header = try parser.parse()
    let bytes = headerRange.upperBound..<content.count
    let checked = try HeaderCheck(file: file, bytes: bytes).checked(header.tensors)
    self.entries = checked.entries
    self.unreadable = checked.unreadable
    self.metadata = header.metadata
    self.file = file
    self.content = content
    self.positions = Dictionary(entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensor of that name, nil where the file has none.
  public subscript(name: String) -> Entry? {
    positions[name].map { entries[$0] }
  }

  /// The tensor's bytes, little endian, in row-major order, without a copy.
  public func bytes(of entry: Entry) -> Data {
    content[entry.range]
  }

  /// Calls the closure with the tensor's bytes, which need not be aligned: the header's length decides that.
  public func withUnsafeBytes<Result>(
    of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try content.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[entry.range])) }
  }

  /// The largest header the reference implementation reads, in bytes.
  static let largestHeader = 100_000_000

  private static func headerRange(of content: Data, in file: URL) throws -> Range<Int> {
    guard content.count >= 8 else {
      let found = content.isEmpty ? "is empty" : "has only \(content.count) bytes"
      throw ContainerError(file, "\(found), expected a safetensors file of at least 10 bytes; fetch or export it again")
    }
    let length = content.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= UInt64(largestHeader) else {
      throw ContainerError(
        file,
        """
        declares a header of \(length) bytes, expected at most \(largestHeader); it is not a safetensors file, give \
        another
        """)
    }
    let end = 8 + Int(length)
    guard end <= content.count else {
      throw ContainerError(
        file, "has \(content.count) bytes, expected at least \(end) for its header alone; fetch or export it again")
    }
    return 8..<end
  }
}

extension Safetensors {
  /// The type of a tensor's elements, named as in the file.
  public enum ElementType: String, CaseIterable, Hashable, Sendable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case int16 = "I16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case float32 = "F32"
    case float64 = "F64"
    case int64 = "I64"

    /// Bytes of one element.
    public var size: Int {
      switch self {
      case .bool, .uint8, .int8: 1
      case .int16, .float16, .bfloat16: 2
      case .int32, .float32: 4
      case .float64, .int64: 8
      }
    }

    /// The bytes of a tensor of that shape, nil where the product overflows.
    func byteCount(of shape: [Int]) -> Int? { Safetensors.byteCount(of: shape, bits: 8 * size) }
  }

  /// Bits of one element of the types that are in no enumeration here.
  static let otherTypes = [
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "U32": 32, "U64": 64, "C64": 64,
  ]

  /// The bytes of a tensor of that shape; nil where the product overflows or ends within a byte.
  static func byteCount(of shape: [Int], bits: Int) -> Int? {
    // A zero does not excuse the others: in another order their product is made first.
    var product = bits
    for extent in shape where extent != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      product = next
    }
    guard !shape.contains(0) else { return 0 }
    return product % 8 == 0 ? product / 8 : nil
  }
}

extension Data {
  /// The bytes of a plain file, mapped, not read.
  fileprivate init(mapping file: URL) throws {
    var status = stat()
    guard stat(file.path(percentEncoded: false), &status) == 0 else {
      let found = errno == ENOENT ? "it does not exist" : String(cString: strerror(errno))
      throw ContainerError(file, "could not be opened: \(found); check the path")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let found = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a plain file"
      throw ContainerError(file, "is \(found), expected a safetensors file; check the path")
    }
    do {
      try self.init(contentsOf: file, options: .alwaysMapped)
    } catch CocoaError.fileReadNoPermission {
      throw ContainerError(file, "could not be opened: no permission to read it; change its permissions")
    } catch {
      throw ContainerError(file, "could not be read: \(error.localizedDescription); check the disk")
    }
  }
}
