import ArgumentParser

/// Options of the last version that are called something else now.
enum RenamedOptions {
  private static let names = [
    "--scheme": "--decomposition", "--steer": "--automatic-strength", "--no-steer": "--no-automatic-strength",
  ]
  private static let values = ["--basis": ["responses": "activations"], "--units": ["silent": "zero"]]

  /// - Throws: `ValidationError` that names the new spelling of the first old one.
  static func check(_ words: [String]) throws {
    for (index, word) in words.prefix(while: { $0 != "--" }).enumerated() {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard let option = parts.first, option.hasPrefix("--") else { continue }
      if let name = names[option] { throw ValidationError("\(option) is called \(name) now") }
      let value = parts.count > 1 ? parts[1] : words.dropFirst(index + 1).first ?? ""
      if let name = values[option]?[value] {
        throw ValidationError("\(option) \(value) is called \(option) \(name) now")
      }
    }
  }
}
