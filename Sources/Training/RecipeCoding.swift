import Compaction
import Containers
import Foundation
import Reports
import Yams

extension Recipe {
  /// Flat recipes and old names, as earlier versions wrote them: refused where a person wrote one, read where a run
  /// left it.
  public enum EarlierSpellings: Sendable { case refused, read }

  /// The recipe as YAML, every key with its value.
  public func yaml() throws -> String {
    let sections = try Self.mapping(of: self).map { name, section -> (Node, Node) in
      let settings = section.mapping?.map { (Node($0.string?.kebabCase ?? ""), $1) } ?? []
      return (name, Node(settings))
    }
    let lines = try Yams.serialize(node: Node(sections)).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.map(Self.plainNumber).joined(separator: "\n")
  }

  /// The encoder writes 0.1 as 1e-1; people write 0.1.
  private static func plainNumber(_ line: Substring) -> String {
    guard let colon = line.firstRange(of: ": "), let number = Double(line[colon.upperBound...]),
      line[colon.upperBound...].contains("e")
    else { return String(line) }
    return line[..<colon.upperBound] + "\(number)"
  }

  /// Reads a recipe; what it leaves out has its default.
  ///
  /// - Throws: `RecipeError` for a file that is no YAML, has an unknown key (naming the nearest) or a wrong value.
  public init(contentsOf file: URL, earlier: EarlierSpellings = .refused) throws {
    let name = file.lastPathComponent
    guard let size = try? file.resolvingSymlinksInPath().resourceValues(forKeys: [.fileSizeKey]).fileSize else {
      throw RecipeError("recipe \(file.path) cannot be found; name a YAML file")
    }
    // A recipe is a page of text; anything larger would only keep the parser busy.
    guard size <= 1 << 16 else { throw RecipeError("recipe \(name) has \(size) bytes, expected at most 65536") }
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw RecipeError("recipe \(name) cannot be read as UTF-8 text; check the file and its permissions")
    }
    try self.init(yaml: text, name: name, earlier: earlier)
  }

  public init(yaml text: String, name: String, earlier: EarlierSpellings = .refused) throws {
    guard !text.contains("*") || !text.contains("&") else {
      throw RecipeError("recipe \(name) uses YAML anchors, which recipes do not need; write the values out")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw RecipeError("recipe \(name) is not YAML: \(Self.firstLine(of: error))")
    }
    self.init()
    guard let node else { return }
    guard let mapping = node.mapping else { throw RecipeError("recipe \(name) is not a list of `key: value` lines") }
    let given = try Self.sections(mapping, name, earlier)
    do {
      self = try YAMLDecoder().decode(Recipe.self, from: Node(try Self.merged(given)))
    } catch let DecodingError.dataCorrupted(context) {
      throw RecipeError("recipe \(name): \(Self.path(context)) \(context.debugDescription)")
    } catch let DecodingError.typeMismatch(type, context) {
      throw RecipeError("recipe \(name): \(Self.path(context)) is not of type \(type)")
    } catch {
      throw RecipeError("recipe \(name) cannot be read: \(Self.firstLine(of: error))")
    }
  }

  /// Takes over the settings that `options` has, by the names of the command's options; nil and empty lists were not
  /// given.
  public mutating func adopt(_ options: some Encodable) throws {
    var given: Settings = [:]
    for (name, value) in try Self.mapping(of: options) where !value.isNotGiven {
      if let key = RecipeKey(option: name.string?.kebabCase ?? "") { given[key] = value }
    }
    guard !given.isEmpty else { return }
    self = try YAMLDecoder().decode(Recipe.self, from: Node(try Self.merged(given, over: self)))
  }

  /// The names of those options that were given, as they are spelt.
  public static func given(in options: some Encodable) throws -> [String] {
    try mapping(of: options).compactMap { $1.isNotGiven ? nil : $0.string?.kebabCase }
  }
}

extension Recipe {
  fileprivate typealias Settings = [RecipeKey: Node]

  /// What a file gives, by setting.
  ///
  /// - Throws: `RecipeError` for a key that is unknown, or flat where that is refused.
  private static func sections(
    _ mapping: Node.Mapping, _ name: String, _ earlier: EarlierSpellings
  ) throws -> Settings {
    var given: Settings = [:]
    for (key, value) in mapping {
      let word = key.string ?? "?"
      guard let section = RecipeKey.sections.first(where: { $0.name == word }),
        value.scalar == nil || value.isNull || RecipeKey(option: word) == nil
      else {
        given[try flatKey(word, name, earlier)] = value
        continue
      }
      guard !value.isNull else { continue }
      guard let values = value.mapping else {
        throw RecipeError("recipe \(name): \(word) is no list of `key: value` lines")
      }
      for (key, value) in values {
        let word = try spelling(of: key.string ?? "?", value, in: section.name, name, earlier)
        if let field = section.fields.first(where: { $0.kebabCase == word }) {
          given[RecipeKey(section: section.name, field: field)] = value
        } else {
          given[try movedKey(word, section, name, earlier)] = value
        }
      }
    }
    return given
  }

  /// The setting of a key that its section does not have, where an earlier version had it there.
  ///
  /// - Throws: `RecipeError` for a key that is unknown, or of an earlier version where those are refused.
  private static func movedKey(
    _ word: String, _ section: (name: String, fields: [String]), _ name: String, _ earlier: EarlierSpellings
  ) throws -> RecipeKey {
    guard EarlierNames.moved[section.name]?.contains(word) ?? false, let key = RecipeKey(option: word) else {
      let hint = Suggestion.nearest(to: word, among: section.fields.map(\.kebabCase)).map { "did you mean \($0)?" }
      throw RecipeError(
        "recipe \(name) has an unknown key \(word) in \(section.name); \(hint ?? "check the spelling")")
    }
    guard earlier == .read else {
      throw RecipeError(
        "recipe \(name) has \(word) in \(section.name), as earlier versions wrote it; write it as \(key.key) in "
          + "\(key.section)")
    }
    return key
  }

  /// A key as it is spelt now.
  ///
  /// - Throws: `RecipeError` for a key or a value of an earlier version where those are refused.
  private static func spelling(
    of key: String, _ value: Node, in section: String, _ name: String, _ earlier: EarlierSpellings
  ) throws -> String {
    let now = EarlierNames.options[key]
    let newValue = value.string.flatMap { EarlierNames.values[key]?[$0] }
    guard earlier == .refused, now != nil || newValue != nil else { return now ?? key }
    let (old, new) = newValue.map { ("\(key): \(value.string ?? "")", "\(key): \($0)") } ?? (key, now ?? key)
    throw RecipeError("recipe \(name) has \(old) in \(section), as earlier versions wrote it; write it as \(new)")
  }

  /// The setting that a key outside the sections stands for.
  private static func flatKey(_ word: String, _ name: String, _ earlier: EarlierSpellings) throws -> RecipeKey {
    guard let key = RecipeKey(option: EarlierNames.options[word] ?? word) else {
      let hint = Suggestion.nearest(to: word, among: RecipeKey.all.map(\.option)).flatMap(RecipeKey.init(option:))
      let sections = RecipeKey.sections.map(\.name).joined(separator: ", ")
      throw RecipeError(
        "recipe \(name) has an unknown key \(word); "
          + (hint.map { "did you mean \($0.option)? It is \($0.key) in \($0.section)" }
            ?? "its sections are \(sections)"))
    }
    guard earlier == .read else {
      throw RecipeError(
        "recipe \(name) has \(word) outside the sections, as earlier versions wrote it; write it as \(key.key) in "
          + "\(key.section) (`\(key.section): {\(key.key): …}`)")
    }
    return key
  }

  /// A whole recipe: what `base` says, with what is given in its place.
  private static func merged(_ given: Settings, over base: Recipe = Recipe()) throws -> [(Node, Node)] {
    try mapping(of: base).map { section, defaults in
      let own = given.filter { $0.key.section == section.string && !$0.value.isNull }
      let names = Set(own.keys.map(\.field))
      let kept = (defaults.mapping?.map { ($0, $1) } ?? []).filter { !names.contains($0.0.string ?? "") }
      return (section, Node(kept + own.map { (Node($0.key.field), $0.value) }))
    }
  }

  private static func mapping(of value: some Encodable) throws -> [(Node, Node)] {
    let node = try Yams.compose(yaml: YAMLEncoder().encode(value))
    return node?.mapping?.map { ($0, $1) } ?? []
  }

  private static func path(_ context: DecodingError.Context) -> String {
    context.codingPath.map(\.stringValue.kebabCase).joined(separator: ".")
  }

  private static func firstLine(of error: any Error) -> String {
    "\(error)".split(separator: "\n").prefix(2).joined(separator: " ")
  }
}

extension Node {
  fileprivate var isNull: Bool { null != nil }
  /// Whether nothing stands there, or an empty list.
  fileprivate var isNotGiven: Bool { isNull || sequence?.isEmpty == true }
}
