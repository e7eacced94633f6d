/// A line for every name with its value as a dot over one axis, drawn as SVG: for contenders that have names, not
/// sizes.
public struct DotPlot: Equatable, Sendable {
  /// One name's value, with the least and the greatest of its repetitions where there were any.
  public struct Row: Equatable, Sendable {
    public var name: String
    public var value: Double
    public var spread: ClosedRange<Double>?

    public init(_ name: String, _ value: Double, spread: ClosedRange<Double>? = nil) {
      self.name = name
      self.value = value
      self.spread = spread
    }
  }

  public var title: String
  public var axis: LinePlot.Axis
  /// From top to bottom; a dotted line marks the value of the first, which the others are held against.
  public var rows: [Row]

  public init(title: String, axis: LinePlot.Axis, rows: [Row]) {
    self.title = title
    self.axis = axis
    self.rows = rows
  }

  private static let rowHeight = 22.0
  private static let (top, bottom) = (52.0, 58.0)

  /// The plot as an SVG document of that width in pixels, as high as its rows need; it is meant for a white page.
  public func svg(width: Int = 720) -> String {
    let height = Self.top + Self.bottom + Double(rows.count) * Self.rowHeight
    var canvas = SVGCanvas()
    draw(on: &canvas, width: Double(width), height: height)
    return canvas.document(width: width, height: Int(height), title: title)
  }

  private func draw(on canvas: inout SVGCanvas, width: Double, height: Double) {
    let size = PlotLayout.labelSize
    let names = rows.map { $0.name.fitted(to: width * 0.5, size: size) }
    let left = 16 + (names.map { $0.emWidth * size }.max() ?? 0) + 10
    let (right, end) = (width - 30, height - Self.bottom)
    var scale = PlotScale(
      axis, values: rows.flatMap { [$0.value] + ($0.spread.map { [$0.lowerBound, $0.upperBound] } ?? []) })
    scale.pixels = (left, right)

    canvas.text(
      title.fitted(to: width - 32, size: PlotLayout.titleSize * 1.06), x: 16, y: 28, size: PlotLayout.titleSize, .start,
      style: "fill=\"#111\" font-weight=\"bold\"")
    let ticks = scale.ticks(count: max(2, Int((right - left) / 70)))
    for (value, label) in zip(ticks.values, ticks.labels) {
      let x = scale.pixel(value)
      canvas.line(from: (x, Self.top - 8), to: (x, end), "stroke=\"#e4e4e4\"")
      canvas.text(label, x: x, y: end + 18, size: PlotLayout.tickSize, .middle)
    }
    canvas.line(from: (left, end), to: (right, end), "stroke=\"#555\"")
    canvas.text(axis.label, x: (left + right) / 2, y: height - 14, size: size, .middle)
    if let first = rows.first, PlotScale.canShow(first.value, on: axis.scale) {
      let x = scale.pixel(first.value)
      canvas.line(
        from: (x, Self.top - 8), to: (x, end), "stroke=\"#666\" stroke-width=\"1.2\" stroke-dasharray=\"2 3\"")
    }
    for (index, row) in rows.enumerated() {
      let y = Self.top + Double(index) * Self.rowHeight + 6
      canvas.text(names[index], x: left - 10, y: y + 4.5, size: size, .end)
      draw(row, atY: y, scale, on: &canvas)
    }
  }

  private func draw(_ row: Row, atY y: Double, _ scale: PlotScale, on canvas: inout SVGCanvas) {
    let look = SeriesLook(0)
    if let spread = row.spread, PlotScale.canShow(spread.lowerBound, on: axis.scale) {
      canvas.line(
        from: (scale.pixel(spread.lowerBound), y), to: (scale.pixel(spread.upperBound), y), look.stroke(.solid))
    }
    if PlotScale.canShow(row.value, on: axis.scale) {
      look.drawMarker(on: &canvas, x: scale.pixel(row.value), y: y)
    }
  }
}
