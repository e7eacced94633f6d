import Foundation

/// How text looks where it goes: in how many columns, and whether in colour.
public struct TextStyle: Equatable, Sendable {
  /// Columns of a line; `.max` for no limit.
  public var width: Int
  public var usesColor: Bool

  public init(width: Int = .max, usesColor: Bool = false) {
    self.width = width
    self.usesColor = usesColor
  }

  /// Lines of any length, without colour.
  public static let plain = TextStyle()

  /// What a part of a text says, as far as it is coloured.
  public enum Tone: Equatable, Sendable { case heading, faint, note, warning, error, better, worse }

  /// The text in the colour of its tone, where colours are used.
  public func callAsFunction(_ text: String, _ tone: Tone?) -> String {
    guard usesColor, let tone, !text.isEmpty else { return text }
    return "\u{1B}[\(Self.code(of: tone))m\(text)\u{1B}[0m"
  }

  private static func code(of tone: Tone) -> String {
    switch tone {
    case .heading: "1"
    case .faint: "2"
    case .note: "36"
    case .warning: "33"
    case .error: "1;31"
    case .better: "32"
    case .worse: "31"
    }
  }
}

extension TextStyle {
  /// The style of an open file: a terminal's width, and colour where it is a terminal and `NO_COLOR` is not set.
  ///
  /// Where the width is unknown it is that of `COLUMNS`, else 80.
  public static func of(
    _ handle: FileHandle, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> TextStyle {
    let isTerminal = isatty(handle.fileDescriptor) != 0
    return TextStyle(
      width: columns(of: handle.fileDescriptor, environment),
      usesColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb")
  }

  static func columns(
    of descriptor: Int32, _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Int {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    return environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }
}

extension String {
  /// The text with line breaks between words, so that no line is wider than `width` where its words allow it; breaks
  /// that are there stay, and further lines of one begin with `indent`.
  public func wrapped(to width: Int, indent: String = "  ") -> String {
    split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.visibleWidth <= width ? String(line) : Self.wrapped(line, to: width, indent)
    }.joined(separator: "\n")
  }

  private static func wrapped(_ line: Substring, to width: Int, _ indent: String) -> String {
    var lines: [String] = []
    var current = String(line.prefix { $0 == " " })
    var isEmpty = true
    for word in line.split(separator: " ") {
      if !isEmpty, current.visibleWidth + 1 + word.visibleWidth > width {
        lines.append(current)
        current = indent
        isEmpty = true
      }
      current += isEmpty ? word : " " + word
      isEmpty = false
    }
    return (lines + [current]).joined(separator: "\n")
  }
}
