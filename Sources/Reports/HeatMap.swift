/// A table of numbers as coloured cells, drawn as SVG, in one hue from light to dark: readable in grey and by the
/// colour-blind.
public struct HeatMap: Equatable, Sendable {
  /// The names along one side.
  public struct Axis: Equatable, Sendable {
    public var label: String
    public var names: [String]

    public init(_ label: String, _ names: [String]) { (self.label, self.names) = (label, names) }
  }

  /// What colours stand for.
  public struct Scale: Equatable, Sendable {
    /// The power of a share of one that its darkness is: below one small shares are seen better.
    var power: Double
    /// The shares that are named beside the scale.
    var ticks: [Double]

    /// Shares of one, small ones spread out, as in a matrix of confusions.
    public static let shares = Scale(power: 0.5, ticks: [0, 0.01, 0.05, 0.2, 0.5, 1])
    /// Shares of one as they are.
    public static let even = Scale(power: 1, ticks: [0, 0.25, 0.5, 0.75, 1])
  }

  /// A line between two columns, with a name.
  public struct Mark: Equatable, Sendable {
    /// The column that the line stands behind.
    public var after: Int
    public var name: String

    public init(after: Int, _ name: String) { (self.after, self.name) = (after, name) }
  }

  public var title: String
  public var rows: Axis
  public var columns: Axis
  /// By row, then by column, from 0 to 1; nil leaves a cell empty.
  public var values: [[Double?]]
  /// Written in cells that are large enough, such as counts.
  public var words: [[String]]
  public var scale: Scale
  public var marks: [Mark]

  public init(
    title: String, rows: Axis, columns: Axis, values: [[Double?]], words: [[String]] = [], scale: Scale = .even,
    marks: [Mark] = []
  ) {
    (self.title, self.rows, self.columns, self.values) = (title, rows, columns, values)
    (self.words, self.scale, self.marks) = (words, scale, marks)
  }

  /// The map as an SVG document, as large as square cells of a readable size make it; it is meant for a white page.
  public func svg() -> String { svg(HeatMapLayout(self, cell: .square)) }

  /// The same with cells that fill so many pixels in width.
  func svg(width: Double) -> String { svg(HeatMapLayout(self, cell: .filling(width: width))) }

  private func svg(_ layout: HeatMapLayout) -> String {
    drawn(layout).document(width: Int(layout.width), height: Int(layout.height), title: title)
  }

  func drawn(_ layout: HeatMapLayout) -> SVGCanvas {
    var drawing = HeatMapDrawing(map: self, layout: layout)
    drawing.draw()
    return drawing.canvas
  }
}
