/// A plot of lines with markers over two axes, drawn as SVG; the same values give the same text.
public struct LinePlot: Equatable, Sendable {
  /// One of the two axes.
  public struct Axis: Equatable, Sendable {
    public enum Scale: Equatable, Sendable {
      case linear
      /// To base ten; points that are not above zero are left out.
      case logarithmic
      /// Linear, with numbers at whole values only, as of epochs.
      case whole
    }

    public var label: String
    public var scale: Scale
    /// What is shown, nil for all of the data and a little air.
    public var range: ClosedRange<Double>?

    public init(_ label: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil) {
      self.label = label
      self.scale = scale
      self.range = range
    }
  }

  /// A measured point, with the least and the greatest of its repetitions where there were any.
  public struct Point: Equatable, Sendable {
    public var x: Double
    public var y: Double
    public var spread: ClosedRange<Double>?

    /// A point; one that is not finite leaves a gap in its line.
    public init(x: Double, y: Double, spread: ClosedRange<Double>? = nil) {
      self.x = x
      self.y = y
      self.spread = spread
    }
  }

  /// Points that belong together, under one name of the legend.
  public struct Series: Equatable, Sendable {
    public enum Line: Equatable, Sendable {
      case solid, dashed
      /// Markers alone.
      case none
    }

    /// How the points' spread is drawn.
    public enum Spread: Equatable, Sendable {
      case bars, band
    }

    public var name: String
    public var points: [Point]
    public var line: Line
    public var spread: Spread

    public init(_ name: String, _ points: [Point], line: Line = .solid, spread: Spread = .bars) {
      self.name = name
      self.points = points
      self.line = line
      self.spread = spread
    }
  }

  /// A thin dashed line across the plot at one value, with its name beside it.
  public struct Reference: Equatable, Sendable {
    enum Direction { case horizontal, vertical }

    let direction: Direction
    public let value: Double
    public let name: String

    /// A horizontal line, as for the accuracy of the network before it is compressed.
    public static func horizontal(y: Double, _ name: String) -> Reference {
      Reference(direction: .horizontal, value: y, name: name)
    }

    /// A vertical line, as for the epoch in which something begins.
    public static func vertical(x: Double, _ name: String) -> Reference {
      Reference(direction: .vertical, value: x, name: name)
    }
  }

  public var title: String
  public var x: Axis
  public var y: Axis
  public var series: [Series]
  public var references: [Reference]
  /// Thin lines without names behind the series, such as the singular values of a layer over epochs.
  public var fan: [[Point]]

  public init(
    title: String, x: Axis, y: Axis, series: [Series], references: [Reference] = [], fan: [[Point]] = []
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
    self.references = references
    self.fan = fan
  }

  /// The plot as an SVG document of that size in pixels; it is meant for a white page.
  public func svg(width: Int = 720, height: Int = 440) -> String {
    drawn(width: width, height: height).document(width: width, height: height, title: title)
  }

  func drawn(width: Int, height: Int) -> SVGCanvas {
    var drawing = PlotDrawing(self, layout: PlotLayout(self, width: Double(width), height: Double(height)))
    drawing.draw()
    return drawing.canvas
  }
}
