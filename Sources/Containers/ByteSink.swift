import Foundation

/// An open file that takes bytes in order; `AtomicFile` hands one to the closure that writes a file's content.
public struct ByteSink: ~Copyable {
  private let descriptor: Int32
  private let file: URL

  /// A sink over an open descriptor, which stays the caller's to close; `file` is the name that errors tell.
  package init(descriptor: Int32, file: URL) {
    self.descriptor = descriptor
    self.file = file
  }

  /// Writes all of the bytes, without copying them.
  ///
  /// Throws `ContainerError` when the disk is full, the file would be too large, or the device fails.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Linux writes at most 2^31 - 4096 bytes a call, macOS refuses more than 2^31 - 1.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      #if canImport(Darwin)
        let written = Darwin.write(descriptor, piece.baseAddress, piece.count)
      #else
        let written = Glibc.write(descriptor, piece.baseAddress, piece.count)
      #endif
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        throw ContainerError(writing: file, errno)
      }
    }
  }

  /// Writes all of the data, without copying it.
  public func write(_ data: Data) throws {
    // Data with several regions (a DispatchData behind it) would be joined by `withUnsafeBytes`.
    for region in data.regions {
      try region.withUnsafeBytes { try write($0) }
    }
  }

  /// Waits until the disk has what was written.
  borrowing func synchronize() throws {
    while fsync(descriptor) != 0 {
      if errno == EINTR { continue }
      // A device or pipe has nothing to synchronize.
      if errno == EINVAL || errno == ENOTSUP { return }
      throw ContainerError(writing: file, errno)
    }
  }
}

extension ContainerError {
  /// The sentence for a system call that failed with `code` while `file` was written.
  init(writing file: URL, _ code: Int32) {
    let folder = file.deletingLastPathComponent().path(percentEncoded: false).shown(limit: 1000)
    func refused(_ sentence: String) -> ContainerError { ContainerError(file, sentence, .writing) }
    switch code {
    case ENOSPC: self = refused("could not be written: the disk is full; free some space and try again")
    case EDQUOT: self = refused("could not be written: the disk quota is used up; free some space and try again")
    case EFBIG:
      self = refused("could not be written: it is larger than a file may be here; see `ulimit -f` and the file system")
    case EACCES, EPERM:
      self = refused("could not be written: no permission to write in \(folder); choose another folder")
    case EROFS: self = refused("could not be written: \(folder) is on a read-only disk; choose another folder")
    case ENOENT: self = refused("could not be written: the folder \(folder) does not exist; create it first")
    case ENOTDIR: self = refused("could not be written: \(folder) is not a folder; choose another one")
    case ENAMETOOLONG: self = refused("could not be written: its name is too long; choose a shorter one")
    default: self = refused("could not be written: \(String(cString: strerror(code))); check the disk and try again")
    }
  }
}
