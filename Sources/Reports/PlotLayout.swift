/// Where the parts of a plot stand, in pixels, so that no label is cut and none covers another.
struct PlotLayout {
  let width: Double
  let height: Double
  /// The edges of the area that the axes enclose.
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double
  let x: PlotScale
  let y: PlotScale
  let xTicks: PlotTicks
  let yTicks: PlotTicks
  /// Where each series' entry of the legend begins, and the baseline of its text; empty for one series.
  let legend: [(x: Double, baseline: Double)]

  static let tickSize = 12.0
  static let labelSize = 13.0
  static let titleSize = 16.0
  /// The line and marker of an entry of the legend, and the space behind it.
  static let swatch = 34.0

  init(_ plot: LinePlot, width: Double, height: Double) {
    self.width = width
    self.height = height
    var (x, y) = Self.scales(plot)

    // The numbers decide the margins and the margins how many numbers there is room for: heights first.
    bottom = height - (plot.x.label.isEmpty ? 34 : 56)
    let titleBottom = plot.title.isEmpty ? 14.0 : 40
    let names = plot.series.count > 1 ? plot.series.map(\.name) : []
    let roughLegend = Self.legend(names, left: 70, right: width - 24, top: titleBottom)
    // Names of vertical lines stand above the axes.
    let air = plot.references.contains { $0.direction == .vertical } ? 18.0 : 0
    let roughTop = Self.top(below: roughLegend, titleBottom) + air
    yTicks = y.ticks(count: max(2, Int((bottom - roughTop) / 45)))
    let numbers = yTicks.labels.map { $0.emWidth * Self.tickSize }.max() ?? 0
    left = 14 + (plot.y.label.isEmpty ? 0 : 24) + numbers + 9

    let count = max(2, Int((width - left) / 85))
    let last = x.ticks(count: count).labels.last.map { $0.emWidth * Self.tickSize / 2 } ?? 0
    right = width - max(22, last + 8)
    xTicks = x.ticks(count: count)
    legend = Self.legend(names, left: left, right: right, top: titleBottom)
    top = Self.top(below: legend, titleBottom) + air

    x.pixels = (left, right)
    y.pixels = (bottom, top)
    (self.x, self.y) = (x, y)
  }

  /// Scales over all that is drawn: points, spreads, reference lines.
  private static func scales(_ plot: LinePlot) -> (PlotScale, PlotScale) {
    let points = (plot.series.flatMap(\.points) + plot.fan.joined()).filter { $0.isShown(in: plot) }
    let vertical = plot.references.filter { $0.direction == .vertical }.map(\.value)
    let horizontal = plot.references.filter { $0.direction == .horizontal }.map(\.value)
    let spreads = points.compactMap(\.spread).flatMap { [$0.lowerBound, $0.upperBound] }
    return (
      PlotScale(plot.x, values: points.map(\.x) + vertical),
      PlotScale(plot.y, values: points.map(\.y) + spreads + horizontal)
    )
  }

  /// Entries from left to right, in as many rows as they need.
  private static func legend(
    _ names: [String], left: Double, right: Double, top: Double
  ) -> [(x: Double, baseline: Double)] {
    var (x, baseline) = (left, top + 14)
    return names.map { name in
      let width = swatch + min(name.emWidth * labelSize, right - left - swatch)
      if x > left, x + width > right { (x, baseline) = (left, baseline + 20) }
      defer { x += width + 16 }
      return (x, baseline)
    }
  }

  private static func top(below legend: [(x: Double, baseline: Double)], _ titleBottom: Double) -> Double {
    (legend.last?.baseline ?? titleBottom) + (legend.isEmpty ? 6 : 16)
  }
}

extension LinePlot.Point {
  /// Whether both coordinates have a place on the plot's axes.
  func isShown(in plot: LinePlot) -> Bool {
    PlotScale.canShow(x, on: plot.x.scale) && PlotScale.canShow(y, on: plot.y.scale)
  }
}
