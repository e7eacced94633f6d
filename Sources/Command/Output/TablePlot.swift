import Foundation
import Reports
import Thresh

/// One plot of a table of figures, repetitions drawn with their spread: a line for every value of one column, or, where
/// x holds names, a dot for every name.
struct TablePlot {
  var x: String
  var y: String
  /// The column whose values make the lines.
  var by: String?
  /// The column whose equal values are repetitions of one point; nil takes those of equal x.
  var each: String?
  /// Rows that count: column and the values it may have.
  var only: [(column: String, values: Set<String>)] = []
  /// Whether an axis is logarithmic.
  var isLogarithmic = (x: false, y: false)
  var title: String

  /// A row of figures; numbers are kept as they are written.
  typealias Row = [String: Cell]

  enum Cell: Decodable {
    case number(Double)
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if container.decodeNil() {
        self = .text("")
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    var number: Double? { if case .number(let value) = self { value } else { nil } }
    var text: String {
      switch self {
      case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
      case .text(let value): value
      }
    }
  }

  /// - Throws: `ContainerError` when the file is no JSON list of flat objects.
  static func rows(of file: URL) throws -> [Row] {
    guard let data = try? Data(contentsOf: file) else {
      throw ContainerError("\(file.path) cannot be read; name a JSON file of figures")
    }
    do {
      return try JSONDecoder().decode([Row].self, from: data)
    } catch {
      throw ContainerError("\(file.path) is not a JSON list of objects of numbers and texts")
    }
  }

  /// The plot as an SVG document.
  ///
  /// - Throws: `RecipeError` when a column is missing or no row is left.
  func svg(of rows: [Row]) throws -> String {
    for column in [x, y, by, each].compactMap(\.self) + only.map(\.column)
    where !rows.contains(where: { $0[column] != nil }) {
      let known = Set(rows.flatMap(\.keys)).sorted().joined(separator: ", ")
      throw RecipeError("the table has no column \(column); it has \(known)")
    }
    let chosen = rows.filter { row in only.allSatisfy { $0.values.contains(row[$0.column]?.text ?? "") } }
      .filter { $0[x] != nil && $0[y]?.number != nil }
    guard !chosen.isEmpty else { throw RecipeError("no row of the table has \(x), and a number in \(y)") }
    if chosen.contains(where: { $0[x]?.number != nil }) { return lines(of: chosen).svg() }
    guard by == nil, each == nil, !isLogarithmic.x else {
      throw RecipeError("\(x) holds names, not numbers: each becomes a dot, without --by, --each and --log-x")
    }
    return dots(of: chosen).svg()
  }

  private func lines(of rows: [Row]) -> LinePlot {
    let names = rows.map { line(of: $0) }.unique
    return LinePlot(
      title: title, x: LinePlot.Axis(x, scale: isLogarithmic.x ? .logarithmic : .linear), y: yAxis,
      series: names.map { name in LinePlot.Series(name, points(of: rows.filter { line(of: $0) == name })) })
  }

  private func dots(of rows: [Row]) -> DotPlot {
    DotPlot(
      title: title, axis: yAxis,
      rows: rows.compactMap { $0[x]?.text }.unique.map { name in
        let (value, spread) = repeated(rows.filter { $0[x]?.text == name })
        return DotPlot.Row(name, value, spread: spread)
      })
  }

  private var yAxis: LinePlot.Axis { LinePlot.Axis(y, scale: isLogarithmic.y ? .logarithmic : .linear) }

  private func line(of row: Row) -> String { by.flatMap { row[$0]?.text } ?? y }

  private func points(of rows: [Row]) -> [LinePlot.Point] {
    let keys = rows.compactMap { $0[each ?? x]?.text }.unique
    return keys.map { key -> LinePlot.Point in
      let same = rows.filter { $0[each ?? x]?.text == key }
      let (value, spread) = repeated(same)
      return LinePlot.Point(x: same.compactMap { $0[x]?.number }.mean, y: value, spread: spread)
    }.sorted { $0.x < $1.x }
  }

  /// The mean of y in rows that repeat one another; its least and greatest where there are several.
  private func repeated(_ rows: [Row]) -> (mean: Double, spread: ClosedRange<Double>?) {
    let values = rows.compactMap { $0[y]?.number }
    guard values.count > 1, let low = values.min(), let high = values.max() else { return (values.mean, nil) }
    return (values.mean, low...high)
  }
}

extension [Double] {
  fileprivate var mean: Double { isEmpty ? .nan : reduce(0, +) / Double(count) }
}

extension [String] {
  /// Each value once, in the order in which they come.
  fileprivate var unique: [String] {
    var seen = Set<String>()
    return filter { seen.insert($0).inserted }
  }
}
