/// Which columns of a table are shown, how wide they are, and how their words are shortened.
struct TableLayout {
  private let columns: [TextTable.Column]
  /// The columns that are shown, by their place in the table.
  private(set) var shown: [Int]
  /// The columns that are not, in the order of the table.
  var leftOut: [Int] { columns.indices.filter { !shown.contains($0) } }
  /// Of the columns that are shown.
  private(set) var widths: [Int] = []
  /// By the place of a column of names: the share of a shortened name that stands before its gap.
  private var shares: [Int: Double] = [:]

  /// Names and words are not made shorter than this while a column can be left out instead, and never shorter than
  /// that.
  private static let (readableNames, readableWords, narrowest) = (20, 26, 8)
  private static let candidateShares = [0.5, 0.35, 0.65, 0.2, 0.8, 0]

  init(_ table: TextTable, fitting width: Int) {
    columns = table.columns
    shown = Array(columns.indices)
    let rows = table.rows
    let natural = columns.indices.map { column in
      ([columns[column].title.onOneLine] + rows.map { $0[column] }).map(\.displayWidth).max() ?? 0
    }
    let readable = columns.indices.map { column in
      guard columns[column].kind == .names else { return min(natural[column], Self.readableWords) }
      return min(natural[column], max(Self.readableNames, Self.narrowestDistinct(rows.map { $0[column] })))
    }
    while !fits(natural, readable, width), let next = nextToLeave { shown.removeAll { $0 == next } }
    let least = fits(natural, readable, width) ? readable : natural.map { min($0, Self.narrowest) }
    widths = shown.map { natural[$0] }
    shrink(to: width, least: shown.map { least[$0] })
    for (place, column) in shown.enumerated() where columns[column].kind == .names && widths[place] < natural[column] {
      shares[place] = Self.share(for: rows.map { $0[column] }, width: widths[place])
    }
  }

  private var nextToLeave: Int? {
    shown.filter { columns[$0].turn != nil }.min { (columns[$0].turn ?? 0, $0) < (columns[$1].turn ?? 0, $1) }
  }

  /// Whether the columns that are shown fit with words of those widths at least.
  private func fits(_ natural: [Int], _ least: [Int], _ width: Int) -> Bool {
    shown.map { columns[$0].kind == .numbers ? natural[$0] : least[$0] }.reduce(2 * (shown.count - 1), +) <= width
  }

  /// Takes what is too much from the widest column of words, a column of the table's width at a time.
  private mutating func shrink(to width: Int, least: [Int]) {
    var excess = widths.reduce(2 * (shown.count - 1), +) - width
    while excess > 0 {
      let words = shown.indices.filter { columns[shown[$0]].kind != .numbers && widths[$0] > least[$0] }
      guard let widest = words.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
  }

  /// A row of the columns that are shown.
  func line(_ cells: [String], _ tones: [Int: TextStyle.Tone] = [:], _ style: TextStyle = .plain) -> String {
    var text = shown.indices.map { place in
      let (column, width) = (shown[place], widths[place])
      var cell = cells[column]
      switch columns[column].kind {
      case .words: cell = cell.truncated(to: width)
      case .names: cell = cell.shortened(to: width, keeping: shares[place] ?? 0.5)
      case .numbers: break
      }
      let padded = cell.padded(to: width, columns[column].kind)
      guard let tone = tones[column], style.usesColor, !cell.isEmpty else { return padded }
      // The spaces stay outside, so that a line can lose those at its end.
      return padded.replacing(cell, with: style(cell, tone), maxReplacements: 1)
    }.joined(separator: "  ")
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension TableLayout {
  /// The fewest columns in which names that differ still do.
  private static func narrowestDistinct(_ names: [String]) -> Int {
    let longest = names.map(\.displayWidth).max() ?? 0
    var (low, high) = (min(narrowest, longest), longest)
    while low < high {
      let middle = (low + high) / 2
      if count(names, middle, share(for: names, width: middle)) == Set(names).count {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low
  }

  /// The place of the gap that leaves the most names apart, the middle where several do.
  private static func share(for names: [String], width: Int) -> Double {
    let names = Array(Set(names))
    let wanted = names.count
    var best = (share: 0.5, count: -1)
    for share in candidateShares {
      let found = count(names, width, share)
      if found == wanted { return share }
      if found > best.count { best = (share, found) }
    }
    return best.share
  }

  private static func count(_ names: [String], _ width: Int, _ share: Double) -> Int {
    Set(names.map { $0.shortened(to: width, keeping: share) }).count
  }
}
