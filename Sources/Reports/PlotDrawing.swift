/// Draws a plot: the grid at the back, then spreads, reference lines, lines, markers, axes and words.
struct PlotDrawing {
  let plot: LinePlot
  let layout: PlotLayout
  var canvas = SVGCanvas()

  init(_ plot: LinePlot, layout: PlotLayout) {
    self.plot = plot
    self.layout = layout
  }

  mutating func draw() {
    drawGrid()
    let (plot, layout) = (plot, layout)
    canvas.clipped(
      x: layout.left, y: layout.top, width: layout.right - layout.left, height: layout.bottom - layout.top
    ) { canvas in
      for line in plot.fan {
        let thin = LinePlot.Series("", line)
        let drawing = SeriesDrawing(thin, look: .thin, plot: plot, layout: layout)
        drawing.drawLines(on: &canvas)
        drawing.drawLonePoints(on: &canvas)
      }
      for (index, series) in plot.series.enumerated() {
        SeriesDrawing(series, look: SeriesLook(index), plot: plot, layout: layout).drawLines(on: &canvas)
      }
    }
    for reference in plot.references { draw(reference) }
    for (index, series) in plot.series.enumerated() {
      SeriesDrawing(series, look: SeriesLook(index), plot: plot, layout: layout).drawMarkers(on: &canvas)
    }
    drawAxes()
    drawWords()
    drawLegend()
  }

  private mutating func drawGrid() {
    let (l, r, t, b) = (layout.left, layout.right, layout.top, layout.bottom)
    for (values, style) in [
      (layout.xTicks.minor, "stroke=\"#f3f3f3\""), (layout.xTicks.values, "stroke=\"#e4e4e4\""),
    ] {
      for x in values.map(layout.x.pixel) { canvas.line(from: (x, t), to: (x, b), style) }
    }
    for (values, style) in [
      (layout.yTicks.minor, "stroke=\"#f3f3f3\""), (layout.yTicks.values, "stroke=\"#e4e4e4\""),
    ] {
      for y in values.map(layout.y.pixel) { canvas.line(from: (l, y), to: (r, y), style) }
    }
  }

  private mutating func drawAxes() {
    let (l, r, t, b) = (layout.left, layout.right, layout.top, layout.bottom)
    let style = "stroke=\"#555\" stroke-width=\"1\""
    canvas.path("M\(l.svg) \(t.svg)V\(b.svg)H\(r.svg)", "fill=\"none\" \(style)")
    for (value, label) in zip(layout.xTicks.values, layout.xTicks.labels) {
      let x = layout.x.pixel(value)
      canvas.line(from: (x, b), to: (x, b + 4), style)
      canvas.text(label, x: x, y: b + 18, size: PlotLayout.tickSize, .middle)
    }
    for (value, label) in zip(layout.yTicks.values, layout.yTicks.labels) {
      let y = layout.y.pixel(value)
      canvas.line(from: (l - 4, y), to: (l, y), style)
      canvas.text(label, x: l - 8, y: y + 4.2, size: PlotLayout.tickSize, .end)
    }
  }

  private mutating func drawWords() {
    let size = PlotLayout.labelSize
    let title = plot.title.fitted(to: layout.width - layout.left - 8, size: PlotLayout.titleSize * 1.06)
    canvas.text(
      title, x: layout.left, y: 28, size: PlotLayout.titleSize, .start, style: "fill=\"#111\" font-weight=\"bold\"")
    let x = plot.x.label.fitted(to: layout.width - 16, size: size)
    // Centred under the axis, unless the words are longer than that allows.
    let half = x.emWidth * size / 2
    let middle = min(max((layout.left + layout.right) / 2, half + 8), max(layout.width / 2, layout.width - half - 8))
    canvas.text(x, x: middle, y: layout.height - 14, size: size, .middle)
    let y = plot.y.label.fitted(to: layout.height - 16, size: size)
    let reach = y.emWidth * size / 2
    let centre = min(
      max((layout.top + layout.bottom) / 2, reach + 8), max(layout.height / 2, layout.height - reach - 8))
    canvas.text(
      y, x: 0, y: 0, size: size, .middle, style: "fill=\"#333\" transform=\"translate(22 \(centre.svg)) rotate(-90)\"")
  }

  private mutating func drawLegend() {
    for (index, place) in layout.legend.enumerated() {
      let series = plot.series[index]
      let look = SeriesLook(index)
      let y = place.baseline - 4.5
      if series.line != .none {
        canvas.line(from: (place.x, y), to: (place.x + 26, y), look.stroke(series.line))
      }
      look.drawMarker(on: &canvas, x: place.x + 13, y: y)
      let name = series.name.fitted(to: layout.right - place.x - PlotLayout.swatch, size: PlotLayout.labelSize)
      canvas.text(name, x: place.x + PlotLayout.swatch, y: place.baseline, size: PlotLayout.labelSize, .start)
    }
  }

  /// Draws a reference line, with its name where the line has it on the inside of the plot.
  private mutating func draw(_ reference: LinePlot.Reference) {
    let (l, r, t, b) = (layout.left, layout.right, layout.top, layout.bottom)
    let scale = reference.direction == .horizontal ? layout.y : layout.x
    guard PlotScale.canShow(reference.value, on: scale.scale), scale.contains(reference.value) else { return }
    let place = scale.pixel(reference.value)
    let style = "stroke=\"#666\" stroke-width=\"1.2\" stroke-dasharray=\"2 3\""
    let size = PlotLayout.tickSize
    switch reference.direction {
    case .horizontal:
      canvas.line(from: (l, place), to: (r, place), style)
      let name = reference.name.fitted(to: r - l - 12, size: size)
      let spot = freestSpot(atLineY: place, width: name.emWidth * size)
      drawOutlined(name, x: spot.x, y: spot.y, spot.anchor)
    case .vertical:
      canvas.line(from: (place, t - 5), to: (place, b), style)
      // Above the axes, where no line runs.
      let name = reference.name.fitted(to: r - l, size: size)
      let half = name.emWidth * size / 2
      drawOutlined(name, x: min(max(place, l + half), max(l + half, r - half)), y: t - 9, .middle)
    }
  }

  /// The end and side of a horizontal line where words of that width cover the fewest points.
  private func freestSpot(
    atLineY line: Double, width: Double
  ) -> (x: Double, y: Double, anchor: SVGCanvas.Anchor) {
    let points = plot.series.flatMap(\.points).filter { $0.isShown(in: plot) }
    let places = points.map { (x: layout.x.pixel($0.x), y: layout.y.pixel($0.y)) }
    let baselines = [line - 5, line + 14].filter { $0 - 15 > layout.top && $0 + 4 < layout.bottom }
    let spots = baselines.flatMap { y in
      [(x: layout.right - 6, y: y, anchor: SVGCanvas.Anchor.end), (x: layout.left + 6, y: y, anchor: .start)]
    }
    func covered(_ x: Double, _ y: Double, _ anchor: SVGCanvas.Anchor) -> Int {
      let left = anchor == .end ? x - width : x
      return places.filter { $0.x > left - 8 && $0.x < left + width + 8 && $0.y > y - 17 && $0.y < y + 9 }.count
    }
    let freest = spots.min { covered($0.x, $0.y, $0.anchor) < covered($1.x, $1.y, $1.anchor) }
    return freest ?? (layout.right - 6, line - 5, .end)
  }

  /// Words with a white edge, which keeps them readable over lines; not every viewer knows `paint-order`.
  private mutating func drawOutlined(_ text: String, x: Double, y: Double, _ anchor: SVGCanvas.Anchor) {
    for style in ["fill=\"#fff\" stroke=\"#fff\" stroke-width=\"3\" aria-hidden=\"true\"", "fill=\"#555\""] {
      canvas.text(text, x: x, y: y, size: PlotLayout.tickSize, anchor, style: style)
    }
  }
}
