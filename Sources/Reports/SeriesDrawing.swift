/// Draws the points of one series.
struct SeriesDrawing {
  private let series: LinePlot.Series
  private let look: SeriesLook
  private let layout: PlotLayout
  /// Runs of neighbouring points that can be shown; between two runs is a gap.
  private let runs: [[LinePlot.Point]]

  /// Points from which on markers would hide the line.
  private static let mostMarkers = 40

  init(_ series: LinePlot.Series, look: SeriesLook, plot: LinePlot, layout: PlotLayout) {
    self.series = series
    self.look = look
    self.layout = layout
    runs = series.points.split { !$0.isShown(in: plot) }.map(Array.init)
  }

  /// The band or the bars of the spread, and the line.
  func drawLines(on canvas: inout SVGCanvas) {
    for run in runs {
      switch series.spread {
      case .band: drawBand(run, on: &canvas)
      case .bars: drawBars(run, on: &canvas)
      }
      guard series.line != .none, run.count > 1 else { continue }
      canvas.path(
        polyline(run.map { ($0.x, $0.y) }), "fill=\"none\" stroke-linejoin=\"round\" \(look.stroke(series.line))")
    }
  }

  /// The markers: all where there are few, those of lone points always.
  func drawMarkers(on canvas: inout SVGCanvas) {
    let isCrowded = series.points.count > Self.mostMarkers && series.line != .none
    for point in runs.filter({ !isCrowded || $0.count == 1 }).joined()
    where layout.x.contains(point.x) && layout.y.contains(point.y) {
      look.drawMarker(on: &canvas, x: layout.x.pixel(point.x), y: layout.y.pixel(point.y))
    }
  }

  /// A dot for every point without a neighbour, which no line shows.
  func drawLonePoints(on canvas: inout SVGCanvas) {
    for point in runs.filter({ $0.count == 1 }).joined() {
      let (x, y) = (layout.x.pixel(point.x), layout.y.pixel(point.y))
      canvas.path(
        "M\((x - 2).svg) \(y.svg)a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z", "fill=\"\(look.color)\" fill-opacity=\"0.7\"")
    }
  }

  private func drawBand(_ run: [LinePlot.Point], on canvas: inout SVGCanvas) {
    for part in run.split(whereSeparator: { spread(of: $0) == nil }) where part.count > 1 {
      let edges = part.compactMap { point in spread(of: point).map { (point.x, $0) } }
      let outline = edges.map { ($0.0, $0.1.upperBound) } + edges.reversed().map { ($0.0, $0.1.lowerBound) }
      canvas.path(polyline(outline) + "Z", "fill=\"\(look.color)\" fill-opacity=\"0.16\"")
    }
  }

  private func drawBars(_ run: [LinePlot.Point], on canvas: inout SVGCanvas) {
    for point in run {
      guard let spread = spread(of: point) else { continue }
      let x = layout.x.pixel(point.x)
      let (low, high) = (layout.y.pixel(spread.lowerBound), layout.y.pixel(spread.upperBound))
      let ends = [low, high].map { "M\((x - 4).svg) \($0.svg)h8" }.joined()
      canvas.path(
        "M\(x.svg) \(low.svg)V\(high.svg)" + ends, "fill=\"none\" stroke=\"\(look.color)\" stroke-width=\"1.3\"")
    }
  }

  /// The spread, nil where the axis has no place for one of its ends.
  private func spread(of point: LinePlot.Point) -> ClosedRange<Double>? {
    point.spread.flatMap { spread in
      let scale = layout.y.scale
      let isShown = PlotScale.canShow(spread.lowerBound, on: scale) && PlotScale.canShow(spread.upperBound, on: scale)
      return isShown ? spread : nil
    }
  }

  private func polyline(_ points: [(Double, Double)]) -> String {
    "M" + points.map { "\(layout.x.pixel($0.0).svg) \(layout.y.pixel($0.1).svg)" }.joined(separator: "L")
  }
}
