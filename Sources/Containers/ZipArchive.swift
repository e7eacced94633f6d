import Foundation

/// A zip archive, of which entries are read that are stored and not compressed, as PyTorch writes its checkpoints.
public struct ZipArchive {
  private let data: Data
  private let name: String
  private var entries: [String: Entry] = [:]

  private struct Entry {
    var offset: Int
    var size: Int
    var isCompressed: Bool
  }

  /// The names of the entries.
  public var names: [String] { entries.keys.sorted() }

  /// Reads the central directory alone.
  ///
  /// - Throws: `ContainerError` when it is damaged.
  public init(_ data: Data, name: String) throws {
    (self.data, self.name) = (data, name)
    var (position, count) = try directory()
    guard count <= 1 << 20 else { throw damaged }
    while count > 0 {
      guard number(position, 4) == 0x0201_4B50, let size = number(position + 24, 4),
        let offset = number(position + 42, 4),
        let nameLength = number(position + 28, 2), let extraLength = number(position + 30, 2),
        let commentLength = number(position + 32, 2)
      else { throw damaged }
      let entry = try text(position + 46, nameLength)
      var found = try zip64(position + 46 + nameLength, extraLength, size: size, offset: offset)
      found.isCompressed = number(position + 10, 2) != 0 || number(position + 20, 4) != size
      guard entries.updateValue(found, forKey: entry) == nil else { throw damaged }
      position += 46 + nameLength + extraLength + commentLength
      count -= 1
    }
  }

  /// The bytes of an entry, without a copy; nil where there is none of that name.
  ///
  /// - Throws: `ContainerError` when it lies outside the file, or is compressed (it could grow without end).
  public func bytes(of entry: String) throws -> Data? {
    guard let found = entries[entry] else { return nil }
    guard !found.isCompressed else {
      throw ContainerError("\(name) is a compressed archive, which torch.save does not write; save it again")
    }
    let (offset, size) = (found.offset, found.size)
    guard number(offset, 4) == 0x0403_4B50, let nameLength = number(offset + 26, 2),
      let extraLength = number(offset + 28, 2)
    else { throw damaged }
    let start = offset + 30 + nameLength + extraLength
    guard size >= 0, start >= 0, size <= data.count - start else { throw damaged }
    return data[data.startIndex + start..<data.startIndex + start + size]
  }

  /// Where the central directory is and how many entries it has, from the record at the end of the file.
  private func directory() throws -> (position: Int, count: Int) {
    let first = max(0, data.count - 22 - 65_535)
    guard data.count >= 22,
      let end = (first...data.count - 22).reversed().first(where: { number($0, 4) == 0x0605_4B50 }),
      let position = number(end + 16, 4), let count = number(end + 10, 2)
    else { throw damaged }
    // 0xFFFFFFFF sends to the zip64 record, whose locator stands before.
    guard position == 0xFFFF_FFFF || count == 0xFFFF, number(end - 20, 4) == 0x0706_4B50 else {
      return (position, count)
    }
    guard let record = number(end - 12, 8), number(record, 4) == 0x0606_4B50, let long = number(record + 48, 8),
      let longCount = number(record + 32, 8)
    else { throw damaged }
    return (long, longCount)
  }

  /// Sizes of eight bytes from the extra field, where four do not hold them.
  private func zip64(_ start: Int, _ length: Int, size: Int, offset: Int) throws -> Entry {
    var (size, offset, position) = (size, offset, start)
    guard size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF else {
      return Entry(offset: offset, size: size, isCompressed: false)
    }
    while position + 4 <= start + length {
      guard let kind = number(position, 2), let count = number(position + 2, 2) else { throw damaged }
      if kind == 1 {
        var field = position + 4
        if size == 0xFFFF_FFFF {
          guard let long = number(field, 8) else { throw damaged }
          // The packed size comes behind, and is the same.
          (size, field) = (long, field + 16)
        }
        if offset == 0xFFFF_FFFF {
          guard let long = number(field, 8) else { throw damaged }
          offset = long
        }
        return Entry(offset: offset, size: size, isCompressed: false)
      }
      position += 4 + count
    }
    throw damaged
  }

  /// A little-endian number; nil beyond the file, or when it is no Int.
  private func number(_ start: Int, _ count: Int) -> Int? {
    guard start >= 0, start <= data.count - count else { return nil }
    let value = (0..<count).reduce(UInt64(0)) { $0 | UInt64(data[data.startIndex + start + $1]) << UInt64(8 * $1) }
    return Int(exactly: value)
  }

  private func text(_ start: Int, _ count: Int) throws -> String {
    guard start >= 0, start <= data.count - count else { throw damaged }
    return String(decoding: data[data.startIndex + start..<data.startIndex + start + count], as: UTF8.self)
  }

  private var damaged: ContainerError { ContainerError("\(name) is a damaged zip archive; save it again") }
}
