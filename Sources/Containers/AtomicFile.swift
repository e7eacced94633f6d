import Foundation

/// Writes a file whole or not at all: what stood there before stays until the new content is safe on the disk.
public enum AtomicFile {
  /// Writes what the closure puts into the sink, through a temporary file beside `file` that is renamed at the end.
  ///
  /// A file that was there keeps its permissions, a link is followed. On any failure, also of the closure, the
  /// temporary file is removed and the old content remains. Throws `ContainerError` or what the closure throws.
  public static func write(to file: URL, _ content: (borrowing ByteSink) throws -> Void) throws {
    let target = file.resolvingSymlinksInPath()
    let permissions = try permissions(replacing: target)
    let folder = target.deletingLastPathComponent()
    let temporary = folder.appending(path: ".\(UUID().uuidString).tmp").path(percentEncoded: false)

    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw ContainerError(writing: file, errno) }
    do {
      defer { close(descriptor) }
      if let permissions, fchmod(descriptor, permissions) != 0 { throw ContainerError(writing: file, errno) }
      let sink = ByteSink(descriptor: descriptor, file: file)
      try content(sink)
      try sink.synchronize()
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, target.path(percentEncoded: false)) == 0 else {
      let code = errno
      unlink(temporary)
      throw ContainerError(writing: file, code)
    }
    try synchronize(folder: folder, of: file)
  }

  /// Writes the chunks one after the other, without joining them.
  public static func write(_ chunks: [UnsafeRawBufferPointer], to file: URL) throws {
    try write(to: file) { sink in
      for chunk in chunks { try sink.write(chunk) }
    }
  }

  /// Writes the data.
  public static func write(_ data: Data, to file: URL) throws {
    try write(to: file) { sink in try sink.write(data) }
  }

  /// Writes the text as UTF-8.
  public static func write(_ text: String, to file: URL) throws {
    try write(Data(text.utf8), to: file)
  }

  /// The permissions of the file that is replaced, nil where there is none; anything but a plain file is refused.
  private static func permissions(replacing target: URL) throws -> mode_t? {
    var status = stat()
    guard stat(target.path(percentEncoded: false), &status) == 0 else {
      return errno == ENOENT ? nil : try { throw ContainerError(writing: target, errno) }()
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_mode & 0o777
    case S_IFDIR:
      throw ContainerError(target, "could not be written: it is a folder; give the name of a file", .writing)
    // A rename would replace /dev/null itself.
    default:
      throw ContainerError(target, "could not be written: it is not a plain file; give the name of a file", .writing)
    }
  }

  /// Makes the rename itself safe on the disk, where the folder can be opened for it.
  private static func synchronize(folder: URL, of file: URL) throws {
    let descriptor = open(folder.path(percentEncoded: false), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    try ByteSink(descriptor: descriptor, file: file).synchronize()
  }
}
