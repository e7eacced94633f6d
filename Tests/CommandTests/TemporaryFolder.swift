import Foundation

/// A folder of a test's own, which goes with it.
final class TemporaryFolder: Sendable {
  let path = NSTemporaryDirectory() + "thresh-cli-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  subscript(_ name: String) -> String { path + "/" + name }

  /// Writes a file, making its folders.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = URL(filePath: path + "/" + name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path
  }

  @discardableResult
  func write(_ text: String, _ name: String) throws -> String { try write(Array(text.utf8), name) }

  /// Names of everything in it, hidden files too, with their paths from here; without the end of a name that tells
  /// when a file of events was begun.
  func contents() -> [String] {
    let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return all.map { name in
      name.range(of: "events.out.tfevents").map { String(name[..<$0.upperBound]) } ?? name
    }.sorted()
  }
}

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

func contents(of path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }
