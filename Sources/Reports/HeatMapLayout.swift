/// Where the parts of a heat map stand, in pixels.
struct HeatMapLayout {
  /// How cells are shaped.
  enum Cell: Equatable {
    /// As wide as high, so that the whole is as large as it needs.
    case square
    /// In a whole of that width, with rows of one height.
    case filling(width: Double)
  }

  let (width, height): (Double, Double)
  /// The edges of the area of the cells.
  let (left, top, right, bottom): (Double, Double, Double, Double)
  let (cellWidth, cellHeight): (Double, Double)
  /// The names as they are written, shortened where they have no room.
  let (rowNames, columnNames): ([String], [String])
  let nameSize: Double
  /// Whether the columns' names stand upright.
  let turnsColumnNames: Bool
  /// Which columns have their names written.
  let namedColumns: [Int]

  static let (smallestName, mostNameWidth) = (7.5, 190.0)
  private static let (heading, scaleWidth) = (44.0, 86.0)

  init(_ map: HeatMap, cell: Cell) {
    let (rows, columns) = (max(1, map.rows.names.count), max(1, map.columns.names.count))
    switch cell {
    case .square: cellHeight = max(9, min(34, 640 / Double(max(rows, columns))))
    case .filling: cellHeight = max(11, min(20, 560 / Double(rows)))
    }
    let size = min(12, max(Self.smallestName, cellHeight * 0.86))
    nameSize = size
    rowNames = map.rows.names.map { $0.fittedAround(to: Self.mostNameWidth, size: size) }
    left = 16 + 20 + (rowNames.map { $0.emWidth * size }.max() ?? 0) + 8
    switch cell {
    case .square: cellWidth = cellHeight
    case .filling(let whole): cellWidth = max(1, (whole - left - Self.scaleWidth) / Double(columns))
    }
    let names = map.columns.names.map { $0.fittedAround(to: Self.mostNameWidth, size: size) }
    columnNames = names
    let widest = names.map { $0.emWidth * size }.max() ?? 0
    turnsColumnNames = cell == .square && widest + 6 > cellWidth
    // Numbers of epochs stay level and are left out where they would meet.
    let step = turnsColumnNames ? 1 : max(1, Int(((widest + 8) / cellWidth).rounded(.up)))
    namedColumns = Self.named(map.columns.names, every: step)
    top = Self.heading + (map.marks.isEmpty ? 0 : 16)
    right = left + cellWidth * Double(columns)
    bottom = top + cellHeight * Double(rows)
    let below = turnsColumnNames ? widest + 10 : size + 10
    width = (right + Self.scaleWidth).rounded(.up)
    height = (bottom + below + 30).rounded(.up)
  }

  /// Columns that are far enough from one another, of numbers round ones.
  private static func named(_ names: [String], every step: Int) -> [Int] {
    let numbers = names.compactMap(Int.init)
    guard step > 1, numbers.count == names.count else { return names.indices.filter { $0 % step == 0 } }
    let power = [1, 10, 100, 1000, 10_000].last { $0 <= step } ?? 1
    let round = [1, 2, 5, 10].map { $0 * power }.first { $0 >= step } ?? step
    return names.indices.filter { numbers[$0] % round == 0 }
  }
}
