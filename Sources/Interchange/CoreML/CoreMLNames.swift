/// Names of a program's variables: letters, digits and underscores, each name once.
struct CoreMLNames {
  private var taken: Set<String>

  /// Words of MIL's text form, which coremltools does not write as names either.
  private static let words: Set<String> = [
    "any", "bool", "program", "func", "tensor", "list", "dict", "tuple", "true", "false", "string", "bf16", "fp16",
    "fp32", "fp64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "state",
  ]

  /// - Parameter reserved: names that are given otherwise.
  init(reserved: Set<String>) { taken = Self.words.union(reserved) }

  /// The name itself where it can be one, else the nearest that is free.
  mutating func new(_ name: String) -> String {
    var word = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    if !(word.first?.isLetter ?? false) { word = "var_" + word }
    var (free, number) = (word, 1)
    while !taken.insert(free).inserted {
      number += 1
      free = "\(word)_\(number)"
    }
    return free
  }
}
