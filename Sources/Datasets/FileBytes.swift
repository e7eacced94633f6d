import CZlib
import Foundation

/// The size in bytes of a plain file, or of that which a link leads to; nil where there is none.
func sizeOfFile(_ path: String) -> Int? { sizeOfFile(RawPath(path)) }

func sizeOfFile(_ path: RawPath) -> Int? {
  var status = stat()
  // Reading a pipe would wait for somebody to write.
  guard path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
  return Int(status.st_size)
}

/// Reads a whole file of at most `limit` bytes.
func bytes(ofFile path: String, limit: Int = 1 << 31) throws(DatasetError) -> [UInt8] {
  try bytes(ofFile: RawPath(path), limit: limit)
}

func bytes(ofFile path: RawPath, limit: Int = 1 << 31) throws(DatasetError) -> [UInt8] {
  guard let size = sizeOfFile(path) else {
    let isThere = path.withCString { access($0, F_OK) } == 0
    throw .unreadable(path: path.description, reason: isThere ? "it is not a plain file" : "there is no such file")
  }
  guard size <= limit else {
    throw .malformed(
      path: path.description, problem: "has \(grouped(size)) bytes, more than the \(grouped(limit)) allowed")
  }
  guard let file = path.withCString({ fopen($0, "rb") }) else {
    let reason = "\(String(cString: strerror(errno))); check that you may read it"
    throw .unreadable(path: path.description, reason: reason)
  }
  defer { fclose(file) }
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    count = buffer.baseAddress.map { fread($0, 1, size, file) } ?? 0
  }
  guard bytes.count == size else {
    let found = "reading ended after \(grouped(bytes.count)) of \(grouped(size)) bytes"
    throw .unreadable(path: path.description, reason: found)
  }
  return bytes
}

/// Whether there is a folder at `path`.
func isFolder(_ path: String) -> Bool {
  var directory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &directory) && directory.boolValue
}

/// Reads a file from front to back, undoing gzip where there is any, never more than is asked for.
final class FrontToBack {
  let path: String
  private let bytes: [UInt8]
  private let compressed: Bool
  private var position = 0
  private var stream = z_stream()
  private var ended = false

  init(_ path: String) throws(DatasetError) {
    self.path = path
    bytes = try Datasets.bytes(ofFile: path)
    compressed = bytes.starts(with: [0x1f, 0x8b])
    guard !bytes.isEmpty else { throw .malformed(path: path, problem: "is empty; fetch it again") }
    // 16 + 15: a gzip header is required, with the largest window.
    let size = Int32(MemoryLayout<z_stream>.size)
    guard !compressed || inflateInit2_(&stream, 31, ZLIB_VERSION, size) == Z_OK else {
      throw .unreadable(path: path, reason: "zlib could not be started")
    }
  }

  deinit { if compressed { inflateEnd(&stream) } }

  /// No more bytes than these can still come, so none need be allocated for: deflate expands at most 1,032 times.
  var mostLeft: Int { compressed ? (bytes.count - position) * 1_032 : .max }

  /// The next `count` bytes, or as many as there are.
  func read(_ count: Int) throws(DatasetError) -> [UInt8] {
    guard compressed else {
      let part = bytes[position...].prefix(count)
      position += part.count
      return Array(part)
    }
    var status = Z_OK
    let result = [UInt8](unsafeUninitializedCapacity: count) { output, filled in
      while filled < count, status == Z_OK, !ended {
        status = inflateOnce(into: UnsafeMutableBufferPointer(rebasing: output[filled...]), filled: &filled)
        ended = status == Z_STREAM_END
      }
    }
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      throw .malformed(path: path, problem: "is damaged (gzip error \(status)); fetch it again")
    }
    return result
  }

  private func inflateOnce(into output: UnsafeMutableBufferPointer<UInt8>, filled: inout Int) -> Int32 {
    bytes.withUnsafeBufferPointer { input in
      // zlib counts in 32 bits and takes its input as mutable, though it only reads it.
      let given = UInt32(min(input.count - position, 1 << 30))
      let room = UInt32(min(output.count, 1 << 30))
      stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + position })
      stream.avail_in = given
      stream.next_out = output.baseAddress
      stream.avail_out = room
      let status = inflate(&stream, Z_NO_FLUSH)
      position += Int(given - stream.avail_in)
      filled += Int(room - stream.avail_out)
      return status
    }
  }
}
