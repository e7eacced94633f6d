/// Several plots on one page, in rows from left to right, as one SVG document.
public struct PlotPage: Sendable {
  public var title: String
  public var plots: [LinePlot]
  public var columns: Int

  public init(title: String, plots: [LinePlot], columns: Int = 2) {
    self.title = title
    self.plots = plots
    self.columns = max(1, columns)
  }

  private static let heading = 48

  /// The page, every plot of that size in pixels; it is meant to be white.
  public func svg(plotWidth: Int = 560, plotHeight: Int = 340) -> String {
    let rows = (plots.count + columns - 1) / columns
    let width = plotWidth * min(columns, max(1, plots.count))
    var page = SVGCanvas()
    page.text(
      title.fitted(to: Double(width - 32), size: 20), x: 16, y: 32, size: 20, .start,
      style: "fill=\"#111\" font-weight=\"bold\"")
    for (index, plot) in plots.enumerated() {
      page.place(
        plot.drawn(width: plotWidth, height: plotHeight), x: index % columns * plotWidth,
        y: Self.heading + index / columns * plotHeight)
    }
    return page.document(width: width, height: Self.heading + rows * plotHeight, title: title)
  }
}
