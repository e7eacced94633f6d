/// A table of text for a terminal or for Markdown: numbers stand right, words left.
public struct TextTable: Equatable, Sendable {
  /// A column's title, the side on which its cells stand, and what becomes of it in a table that is too wide.
  public struct Column: Equatable, Sendable {
    enum Kind: Equatable, Sendable { case words, names, numbers }

    public let title: String
    let kind: Kind
    /// When it is left out: 1 first; nil never.
    let turn: Int?

    /// A column of words, on the left; where the table is too wide they lose their ends.
    ///
    /// - Parameter turn: when the column is left out of a table that is still too wide: 1 first, nil never.
    public static func text(_ title: String, leaving turn: Int? = nil) -> Column {
      Column(title: title, kind: .words, turn: turn)
    }

    /// A column of names, on the left; where the table is too wide they lose what tells them apart least.
    public static func name(_ title: String) -> Column { Column(title: title, kind: .names, turn: nil) }

    /// A column of numbers, on the right; never shortened, but left out in its turn.
    public static func number(_ title: String, leaving turn: Int? = nil) -> Column {
      Column(title: title, kind: .numbers, turn: turn)
    }
  }

  enum Line: Equatable, Sendable {
    case cells([String], [Int: TextStyle.Tone])
    case rule
  }

  public let columns: [Column]
  private(set) var lines: [Line] = []

  public init(_ columns: [Column]) {
    self.columns = columns
  }

  /// Adds a row, with one cell for each column.
  ///
  /// - Parameter tones: of cells that are coloured where colours are used, by column.
  public mutating func append(_ cells: [String], tones: [Int: TextStyle.Tone] = [:]) {
    precondition(cells.count == columns.count, "a row of \(cells.count) cells in a table of \(columns.count) columns")
    lines.append(.cells(cells.map(\.onOneLine), tones))
  }

  /// Adds a rule across the table, as above a line of totals; Markdown has none and leaves it out.
  public mutating func appendRule() {
    lines.append(.rule)
  }

  /// The table for a terminal of that width, as `text(_:)` gives it, without colours.
  public func text(fitting width: Int = .max) -> String { text(TextStyle(width: width)) }

  /// The table in a style. Where it is too wide, words are shortened, then columns left out in their turn.
  ///
  /// Each line ends in a newline and has no spaces before it.
  /// - Parameter advice: what shows the columns that were left out, for a last line that names them.
  public func text(_ style: TextStyle, all advice: String = "a wider terminal") -> String {
    let layout = TableLayout(self, fitting: style.width)
    let rule = style(layout.widths.map { String(repeating: "─", count: $0) }.joined(separator: "──"), .faint)
    let header = style(layout.line(columns.map(\.title.onOneLine)), .heading)
    let body = lines.map { line in
      switch line {
      case .cells(let cells, let tones): layout.line(cells, tones, style)
      case .rule: rule
      }
    }
    let left = layout.leftOut.map { columns[$0].title }.joined(separator: ", ")
    let note = "left out for the width: \(left); \(advice) shows all".wrapped(to: style.width, indent: "")
    return ([header, rule] + body + (left.isEmpty ? [] : [style(note, .faint)])).map { $0 + "\n" }.joined()
  }

  /// The table in GitHub's Markdown, aligned in its source too.
  public func markdown() -> String {
    let titles = columns.map(\.title.onOneLine.escapedForMarkdown)
    let rows = rows.map { $0.map(\.escapedForMarkdown) }
    // The line below the header needs at least three characters, `--:`.
    let widths = columns.indices.map { column in
      max(3, ([titles] + rows).map { $0[column].displayWidth }.max() ?? 0)
    }
    let rule = zip(columns, widths).map { column, width in
      column.kind == .numbers ? String(repeating: "-", count: width - 1) + ":" : String(repeating: "-", count: width)
    }
    return ([titles, rule] + rows).map { cells in
      "| " + columns.indices.map { cells[$0].padded(to: widths[$0], columns[$0].kind) }.joined(separator: " | ")
        + " |\n"
    }.joined()
  }

  var rows: [[String]] {
    lines.compactMap { line in
      if case .cells(let cells, _) = line { cells } else { nil }
    }
  }
}

extension String {
  fileprivate var escapedForMarkdown: String {
    split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  /// The text with spaces up to a width, on the side where a column of that kind has them.
  func padded(to width: Int, _ kind: TextTable.Column.Kind) -> String {
    let space = String(repeating: " ", count: max(0, width - displayWidth))
    return kind == .numbers ? space + self : self + space
  }
}
