/// A table of text for a terminal or for Markdown: numbers stand right, words left.
public struct TextTable: Equatable, Sendable {
  /// A column's title and the side on which its cells stand.
  public struct Column: Equatable, Sendable {
    public let title: String
    let standsRight: Bool

    /// A column of words, on the left; `text(fitting:)` may shorten it.
    public static func text(_ title: String) -> Column { Column(title: title, standsRight: false) }

    /// A column of numbers, on the right; never shortened.
    public static func number(_ title: String) -> Column { Column(title: title, standsRight: true) }
  }

  private enum Line: Equatable, Sendable {
    case cells([String])
    case rule
  }

  public let columns: [Column]
  private var lines: [Line] = []

  public init(_ columns: [Column]) {
    self.columns = columns
  }

  /// Adds a row, with one cell for each column.
  public mutating func append(_ cells: [String]) {
    precondition(cells.count == columns.count, "a row of \(cells.count) cells in a table of \(columns.count) columns")
    lines.append(.cells(cells.map(\.onOneLine)))
  }

  /// Adds a rule across the table, as above a line of totals; Markdown has none and leaves it out.
  public mutating func appendRule() {
    lines.append(.rule)
  }

  /// The table for a terminal of that width; where it is too wide, the widest column of words is shortened.
  ///
  /// Each line ends in a newline and has no spaces before it.
  public func text(fitting width: Int = .max) -> String {
    let widths = widths(fitting: width)
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "──")
    let header = line(columns.map(\.title.onOneLine), widths)
    let body = lines.map { line in
      switch line {
      case .cells(let cells): self.line(cells, widths)
      case .rule: rule
      }
    }
    return ([header, rule] + body).map { $0 + "\n" }.joined()
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
      column.standsRight ? String(repeating: "-", count: width - 1) + ":" : String(repeating: "-", count: width)
    }
    return ([titles, rule] + rows).map { cells in
      "| " + columns.indices.map { padded(cells[$0], $0, widths[$0]) }.joined(separator: " | ") + " |\n"
    }.joined()
  }

  private var rows: [[String]] {
    lines.compactMap { line in
      if case .cells(let cells) = line { cells } else { nil }
    }
  }

  /// The columns' widths, after taking from the widest column of words what is too much.
  private func widths(fitting width: Int) -> [Int] {
    var widths = columns.indices.map { column in
      ([columns[column].title.onOneLine] + rows.map { $0[column] }).map(\.displayWidth).max() ?? 0
    }
    let narrowest = 8
    var excess = widths.reduce(2 * (columns.count - 1), +) - width
    while excess > 0 {
      let words = columns.indices.filter { !columns[$0].standsRight && widths[$0] > narrowest }
      guard let widest = words.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    let text = columns.indices.map { padded(cells[$0], $0, widths[$0]) }.joined(separator: "  ")
    return String(text.reversed().drop { $0 == " " }.reversed())
  }

  private func padded(_ cell: String, _ column: Int, _ width: Int) -> String {
    let text = columns[column].standsRight ? cell : cell.truncated(to: width)
    let space = String(repeating: " ", count: max(0, width - text.displayWidth))
    return columns[column].standsRight ? space + text : text + space
  }
}

extension String {
  fileprivate var escapedForMarkdown: String {
    split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
