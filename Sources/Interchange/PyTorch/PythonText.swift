import Foundation

/// Text as Python writes it, so that no name of a file can smuggle statements into the module.
enum PythonText {
  /// A string literal; everything but plain ASCII is escaped.
  static func literal(_ text: String) -> String {
    let body = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case " "..."~": String(scalar)
      default: String(format: "\\U%08x", scalar.value)
      }
    }
    return "\"\(body.joined())\""
  }

  static func tuple(_ numbers: [Int]) -> String {
    "(\(numbers.map(String.init).joined(separator: ", "))\(numbers.count == 1 ? "," : ""))"
  }

  /// `x` with padding of one value, from the last axis on before and after.
  static func padded(_ x: String, _ pads: [Int], _ value: Double) -> String {
    if value == 0 { return "F.pad(\(x), \(tuple(pads)))" }
    let isHeld = abs(value) < Double(Float.greatestFiniteMagnitude)
    let number = isHeld ? "\(value)" : value < 0 ? "float(\"-inf\")" : "float(\"inf\")"
    return "F.pad(\(x), \(tuple(pads)), value=\(number))"
  }
}

/// Gives each name a variable of its own: "layer1.0.conv1" becomes `layer1_0_conv1`.
struct PythonVariables {
  private var used: Set<String>

  init() { used = Self.taken }

  mutating func variable(for name: String) -> String {
    var word = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    if word.first?.isNumber ?? true { word = "v_" + word }
    while !used.insert(word).inserted { word += "_" }
    return word
  }

  /// Python's keywords, and what the module means by its own names.
  private static let taken: Set<String> = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
    "pass", "raise", "return", "try", "while", "with", "yield", "CLASSES", "F", "INPUT_SHAPE", "MEAN",
    "STD", "float", "layer", "len", "nn",
    "self", "torch", "x",
  ]
}
