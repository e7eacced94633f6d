import ArgumentParser
import Thresh

/// Options of earlier versions, which are called something else now.
enum RenamedOptions {
  /// - Throws: `ValidationError` that names the new spelling of the first old one.
  static func check(_ words: [String]) throws {
    for (index, word) in words.prefix(while: { $0 != "--" }).enumerated() {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard let option = parts.first, option.hasPrefix("--") else { continue }
      for no in ["", "no-"] where option.hasPrefix("--\(no)") {
        guard let name = EarlierNames.options[String(option.dropFirst(2 + no.count))] else { continue }
        throw ValidationError("\(option) is called --\(no)\(name) now")
      }
      let value = parts.count > 1 ? parts[1] : words.dropFirst(index + 1).first ?? ""
      if let name = EarlierNames.values[String(option.dropFirst(2))]?[value] {
        throw ValidationError("\(option) \(value) is called \(option) \(name) now")
      }
    }
  }
}
