import Containers
import Foundation

/// Small files that are written whole or not at all.
package enum AtomicOutput {
  package static func write(_ text: String, to file: URL) throws { try AtomicFile.write(text, to: file) }
  package static func write(_ data: Data, to file: URL) throws { try AtomicFile.write(data, to: file) }

  /// Whether a file may be written there, asked before hours of work and not after.
  ///
  /// - Throws: `OutputError`.
  package static func check(_ path: String) throws {
    var isFolder: ObjCBool = false
    let manager = FileManager.default
    if manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw OutputError("\(path) cannot be written: it is a folder; give the name of a file")
    }
    try checkParent(of: path)
  }

  /// Whether a new folder may be written there.
  ///
  /// - Throws: `OutputError`, also when something is there already.
  package static func check(newFolder path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw OutputError("\(path) exists already; remove it or give another name")
    }
    try checkParent(of: path)
  }

  private static func checkParent(of path: String) throws {
    var isFolder: ObjCBool = false
    let manager = FileManager.default
    let folder = URL(filePath: path).deletingLastPathComponent().path
    guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw OutputError("\(path) cannot be written: the folder \(folder) does not exist; create it first")
    }
    guard manager.isWritableFile(atPath: folder) else {
      throw OutputError("\(path) cannot be written: no permission to write in \(folder); choose another folder")
    }
  }

  package static func writeJSON(_ value: some Encodable, to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(try encoder.encode(value) + Data("\n".utf8), to: file)
  }
}

/// A place that results cannot be put into, in a sentence.
public struct OutputError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
