/// Several plots on one page, in rows from left to right, as one SVG document.
public struct PlotPage: Sendable {
  public var title: String
  public var plots: [LinePlot]
  /// Below the plots, each as wide as the page.
  public var maps: [HeatMap]
  /// Below the maps, in rows again.
  public var details: [LinePlot]
  public var columns: Int

  public init(
    title: String, plots: [LinePlot], maps: [HeatMap] = [], details: [LinePlot] = [], columns: Int = 2
  ) {
    (self.title, self.plots, self.maps, self.details) = (title, plots, maps, details)
    self.columns = max(1, columns)
  }

  private static let heading = 48

  /// The page, every plot of that size in pixels; it is meant to be white.
  public func svg(plotWidth: Int = 560, plotHeight: Int = 340) -> String {
    let most = maps.isEmpty ? max(1, plots.count, details.count) : columns
    let width = plotWidth * min(columns, most)
    var page = SVGCanvas()
    page.text(
      title.fitted(to: Double(width - 32), size: 20), x: 16, y: 32, size: 20, .start,
      style: "fill=\"#111\" font-weight=\"bold\"")
    var top = Self.heading
    func place(_ plots: [LinePlot]) {
      for (index, plot) in plots.enumerated() {
        page.place(
          plot.drawn(width: plotWidth, height: plotHeight), x: index % columns * plotWidth,
          y: top + index / columns * plotHeight)
      }
      top += (plots.count + columns - 1) / columns * plotHeight
    }
    place(plots)
    for map in maps {
      let layout = HeatMapLayout(map, cell: .filling(width: Double(width)))
      page.place(map.drawn(layout), x: 0, y: top)
      top += Int(layout.height) + 16
    }
    place(details)
    return page.document(width: width, height: top, title: title)
  }
}
