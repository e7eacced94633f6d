import Foundation

/// A plain file that is open for reading here and there.
final class OpenFile {
  let size: Int
  private let descriptor: Int32

  /// Nil where it cannot be opened, with the reason in `errno`, or is no plain file, with 0 there.
  init?(_ path: RawPath) {
    // A pipe would otherwise be waited for.
    let descriptor = path.withCString { open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      errno = 0
      return nil
    }
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes at `offset`, fewer where the file ends.
  func bytes(at offset: Int, _ count: Int) -> [UInt8] {
    guard offset >= 0, offset < size, count > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: min(count, size - offset)) { buffer, filled in
      guard let start = buffer.baseAddress else { return }
      while filled < buffer.count {
        let read = pread(descriptor, start + filled, buffer.count - filled, off_t(offset + filled))
        guard read > 0 else { return }
        filled += read
      }
    }
  }

  /// An unsigned number of so many bytes; nil where the file ends before.
  func number(at offset: Int, _ count: Int, bigEndian: Bool) -> Int? {
    let found = bytes(at: offset, count)
    guard found.count == count else { return nil }
    let value = (bigEndian ? found : found.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(exactly: value)
  }
}
