import Foundation

/// Draws a heat map: cells, their words, names, marks and the scale.
struct HeatMapDrawing {
  let map: HeatMap
  let layout: HeatMapLayout
  var canvas = SVGCanvas()

  init(map: HeatMap, layout: HeatMapLayout) { (self.map, self.layout) = (map, layout) }

  mutating func draw() {
    let size = PlotLayout.titleSize
    canvas.text(
      map.title.fitted(to: layout.width - 32, size: size * 1.06), x: 16, y: 28, size: size, .start,
      style: "fill=\"#111\" font-weight=\"bold\"")
    for row in map.values.indices {
      for column in map.values[row].indices { drawCell(row, column) }
    }
    drawFrame()
    drawNames()
    for mark in map.marks { draw(mark) }
    drawScale()
  }

  private mutating func drawCell(_ row: Int, _ column: Int) {
    guard let value = map.values[row][column], value.isFinite else { return }
    let (width, height) = (layout.cellWidth, layout.cellHeight)
    let (x, y) = (layout.left + Double(column) * width, layout.top + Double(row) * height)
    let shade = shade(of: value)
    if shade > 0 {
      // Half a pixel more than its place, so that no seams are seen between neighbours.
      canvas.rectangle(x: x, y: y, width: width + 0.4, height: height + 0.4, "fill=\"\(Self.color(shade))\"")
    }
    guard map.words.indices.contains(row), map.words[row].indices.contains(column) else { return }
    let (word, size) = (map.words[row][column], min(12, height * 0.5))
    guard size >= 7, !word.isEmpty, word.emWidth * size < width - 1 else { return }
    canvas.text(
      word, x: x + width / 2, y: y + height / 2 + size * 0.36, size: size, .middle,
      style: "fill=\"\(shade > 0.55 ? "#fff" : "#333")\"")
  }

  private mutating func drawFrame() {
    canvas.rectangle(
      x: layout.left, y: layout.top, width: layout.right - layout.left, height: layout.bottom - layout.top,
      "fill=\"none\" stroke=\"#888\"")
  }

  private mutating func drawNames() {
    let size = layout.nameSize
    for (row, name) in layout.rowNames.enumerated() {
      let y = layout.top + (Double(row) + 0.5) * layout.cellHeight
      canvas.text(name, x: layout.left - 6, y: y + size * 0.36, size: size, .end)
    }
    for column in layout.namedColumns {
      let name = layout.columnNames[column]
      let x = layout.left + (Double(column) + 0.5) * layout.cellWidth
      if layout.turnsColumnNames {
        let place = "translate(\((x + size * 0.36).svg) \((layout.bottom + 6).svg)) rotate(-90)"
        canvas.text(name, x: 0, y: 0, size: size, .end, style: "fill=\"#333\" transform=\"\(place)\"")
      } else {
        canvas.text(name, x: x, y: layout.bottom + size + 5, size: size, .middle)
      }
    }
    let label = PlotLayout.labelSize
    canvas.text(
      map.columns.label, x: (layout.left + layout.right) / 2, y: layout.height - 10, size: label, .middle)
    let place = "translate(20 \(((layout.top + layout.bottom) / 2).svg)) rotate(-90)"
    canvas.text(map.rows.label, x: 0, y: 0, size: label, .middle, style: "fill=\"#333\" transform=\"\(place)\"")
  }

  private mutating func draw(_ mark: HeatMap.Mark) {
    let x = layout.left + Double(mark.after) * layout.cellWidth
    canvas.line(from: (x, layout.top - 6), to: (x, layout.bottom), "stroke=\"#d55e00\" stroke-width=\"1.6\"")
    let width = mark.name.emWidth * PlotLayout.tickSize
    let isLeft = x + width / 2 > layout.right
    canvas.text(
      mark.name, x: isLeft ? layout.right : max(x, layout.left + width / 2), y: layout.top - 9,
      size: PlotLayout.tickSize, isLeft ? .end : .middle, style: "fill=\"#b34700\"")
  }

  /// The colours from bottom to top beside the cells, with what they stand for.
  private mutating func drawScale() {
    let (x, width) = (layout.right + 18, 12.0)
    let height = min(180, layout.bottom - layout.top)
    let steps = 40
    for step in 0..<steps {
      let y = layout.top + height * Double(steps - 1 - step) / Double(steps)
      let color = Self.color((Double(step) + 0.5) / Double(steps))
      canvas.rectangle(x: x, y: y, width: width, height: height / Double(steps) + 0.4, "fill=\"\(color)\"")
    }
    canvas.rectangle(x: x, y: layout.top, width: width, height: height, "fill=\"none\" stroke=\"#888\"")
    for tick in map.scale.ticks {
      let y = layout.top + height * (1 - shade(of: tick))
      canvas.text("\(Int((tick * 100).rounded())) %", x: x + width + 5, y: y + 3.6, size: 10.5, .start)
    }
  }

  private func shade(of value: Double) -> Double { pow(min(1, max(0, value)), map.scale.power) }

  /// From white to a dark blue: ColorBrewer's Blues, which the colour-blind and printers in grey keep in order.
  private static let stops: [(Double, Double, Double)] = [
    (255, 255, 255), (222, 235, 247), (158, 202, 225), (66, 146, 198), (8, 81, 156), (8, 48, 107),
  ]

  static func color(_ shade: Double) -> String {
    let place = min(1, max(0, shade)) * Double(stops.count - 1)
    let index = min(stops.count - 2, Int(place))
    let (part, from, to) = (place - Double(index), stops[index], stops[index + 1])
    func mixed(_ a: Double, _ b: Double) -> String {
      let byte = Int((a + (b - a) * part).rounded())
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "#" + mixed(from.0, to.0) + mixed(from.1, to.1) + mixed(from.2, to.2)
  }
}
