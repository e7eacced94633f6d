import Containers
import Foundation

/// Small files that commands write, whole or not at all.
enum AtomicOutput {
  static func write(_ text: String, to file: URL) throws { try AtomicFile.write(text, to: file) }

  static func writeJSON(_ value: some Encodable, to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(try encoder.encode(value) + Data("\n".utf8), to: file)
  }
}
