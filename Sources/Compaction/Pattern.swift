import Reports

/// A layer name in which `*` stands for any characters.
public struct Pattern: Sendable {
  private let parts: [Substring]

  public init(_ text: String) { parts = text.split(separator: "*", omittingEmptySubsequences: false) }

  public func matches(_ name: String) -> Bool {
    guard let first = parts.first, let last = parts.last else { return name.isEmpty }
    guard parts.count > 1 else { return name == first }
    guard name.hasPrefix(first), name.hasSuffix(last), name.count >= first.count + last.count else { return false }
    var rest = name.dropFirst(first.count).dropLast(last.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let found = rest.firstRange(of: part) else { return false }
      rest = rest[found.upperBound...]
    }
    return true
  }
}

extension Pattern {
  /// Whether a name matches one of `patterns`.
  public static func any(of patterns: [String]) -> (String) -> Bool {
    let patterns = patterns.map(Pattern.init)
    return { name in patterns.contains { $0.matches(name) } }
  }

  /// What is wrong with the first of `patterns` that no name matches, as "is cnov1, which names no layer; did you mean
  /// conv1?"; nil where each matches one.
  ///
  /// - Parameter what: what the names are of.
  public static func misfit(_ patterns: [String], among names: [String], what: String = "layer") -> String? {
    guard let pattern = patterns.first(where: { !names.contains(where: Pattern($0).matches) }) else { return nil }
    let hint = Suggestion.nearest(to: pattern, among: names).map { "did you mean \($0)?" }
    return "is \(pattern), which names no \(what); "
      + (hint ?? "the first are " + names.prefix(5).joined(separator: ", "))
  }
}
