/// The colour and the marker of a series, by its place in the plot; both differ, so that print in grey is readable.
struct SeriesLook {
  let color: String
  private let marker: String
  private var thickness = "stroke-width=\"2\""

  /// The look of lines that are many and have no name.
  static let thin: SeriesLook = {
    var look = SeriesLook(0)
    look.thickness = "stroke-width=\"0.8\" stroke-opacity=\"0.6\""
    return look
  }()

  init(_ index: Int) {
    color = Self.colors[index % Self.colors.count]
    marker = Self.markers[index % Self.markers.count]
  }

  /// Colours that colour-blind readers tell apart: Okabe and Ito, 2008, without the yellow, which white
  /// swallows, and a grey.
  private static let colors = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333", "#999999",
  ]

  /// Circle, square, triangle, diamond, triangle upside down, pentagon, as paths around a centre.
  private static let markers = [
    "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "m-3.6 -3.6h7.2v7.2h-7.2z", "m0 -4.8l4.6 8h-9.2z",
    "m0 -5l5 5l-5 5l-5 -5z", "m0 4.8l4.6 -8h-9.2z", "m0 -4.8l4.6 3.3l-1.8 5.4h-5.6l-1.8 -5.4z",
  ]

  func stroke(_ line: LinePlot.Series.Line) -> String {
    "stroke=\"\(color)\" \(thickness)" + (line == .dashed ? " stroke-dasharray=\"7 4\"" : "")
  }

  func drawMarker(on canvas: inout SVGCanvas, x: Double, y: Double) {
    canvas.path("M\(x.svg) \(y.svg)\(marker)", "fill=\"\(color)\" stroke=\"#fff\" stroke-width=\"1.2\"")
  }
}
