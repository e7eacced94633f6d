import Foundation

/// Writes a folder of files whole or not at all.
public enum AtomicFolder {
  /// Writes the files into a temporary folder beside `folder`, which is renamed at the end.
  ///
  /// - Parameter files: contents by their paths in the folder.
  /// - Throws: `ContainerError` when something with files in it is there already, or the disk refuses; nothing of what
  ///   was written remains.
  public static func write(_ files: [String: Data], to folder: URL) throws {
    let temporary = folder.deletingLastPathComponent().appending(path: ".\(UUID().uuidString).tmp")
    do {
      for (path, data) in files.sorted(by: { $0.key < $1.key }) {
        let file = temporary.appending(path: path)
        try makeFolder(file.deletingLastPathComponent(), for: folder)
        try AtomicFile.write(data, to: file)
      }
      guard rename(temporary.path(percentEncoded: false), folder.path(percentEncoded: false)) == 0 else {
        let code = errno
        guard code != ENOTEMPTY, code != EEXIST, code != ENOTDIR else {
          throw ContainerError(folder, "exists already; remove it or give another name", .writing)
        }
        throw ContainerError(writing: folder, code)
      }
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      guard let error = error as? ContainerError else { throw error }
      // The temporary folder is gone: the sentence is about the one that was asked for.
      let sentence = error.description.replacing(
        temporary.path(percentEncoded: false), with: folder.path(percentEncoded: false))
      throw ContainerError(sentence, error.kind)
    }
  }

  private static func makeFolder(_ inner: URL, for folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    } catch {
      throw ContainerError(folder, "could not be written: \(error.localizedDescription)", .writing)
    }
  }
}
