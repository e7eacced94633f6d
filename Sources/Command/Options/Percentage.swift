import Foundation

/// Fractions that are given in percent: `--macs 50%`, `--macs=50%` and `--macs 50 %` are `--macs 0.5`.
enum Percentage {
  /// The options that take a fraction of a whole.
  static let options: Set<String> = [
    "--parameters", "--macs", "--time", "--energy", "--compact-energy", "--partial", "--distillation", "--validation",
    "--sparsity", "--label-smoothing", "--tolerance", "--width",
  ]

  /// The words of a command line, percent behind those options as fractions; other words stay as they are.
  static func resolved(_ words: [String]) -> [String] {
    var result: [String] = []
    var (option, isDone) = ("", false)
    for word in words {
      if word == "--" { isDone = true }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if isDone {
        result.append(word)
      } else if parts.count == 2, options.contains(parts[0]), let number = fraction(parts[1]) {
        result.append("\(parts[0])=\(number)")
      } else if word == "%", options.contains(option), let last = result.last, let number = fraction(last + "%") {
        // The number stood by itself before its sign.
        result[result.count - 1] = number
      } else {
        result.append(options.contains(result.last ?? "") ? fraction(word) ?? word : word)
      }
      if word.hasPrefix("--") { option = word }
    }
    return result
  }

  /// A number with a percent sign, divided by a hundred; nil for anything else.
  static func fraction(_ word: String) -> String? {
    guard word.last == "%" else { return nil }
    let number = word.dropLast().trimmingCharacters(in: .whitespaces)
    guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), Double(number) != nil,
      let value = Decimal(string: number, locale: Locale(identifier: "en_US_POSIX"))
    else { return nil }
    return "\(value / 100)"
  }
}
