/// The layers of a network as bars, each as high as the layer is wide, before and after, and as its rank; drawn as SVG.
public struct NetworkPicture: Equatable, Sendable {
  /// A layer, in the order of execution.
  public struct Layer: Equatable, Sendable {
    public var name: String
    public var unitsBefore: Int
    public var units: Int
    /// Of its factors; nil where it stays dense.
    public var rank: Int?
    /// Everything else that there is to say of it, in a sentence or two.
    public var words: String

    public init(name: String, unitsBefore: Int, units: Int, rank: Int? = nil, words: String) {
      (self.name, self.unitsBefore, self.units, self.rank) = (name, unitsBefore, units, rank)
      self.words = words
    }

    /// The whole of it, for whoever cannot see the bar.
    var description: String {
      let width = units == unitsBefore ? "\(units) units" : "\(unitsBefore) → \(units) units"
      return "\(name): \(width)" + (rank.map { ", rank \($0)" } ?? "") + (words.isEmpty ? "" : "; \(words)")
    }
  }

  public var layers: [Layer]

  public init(_ layers: [Layer]) { self.layers = layers }

  private static let height = 150.0
  private static let gap = 4.0

  /// The picture as an element of a page. A layer's bar leads to the element whose `id` is this one and its number.
  func svg(_ id: String) -> String {
    // A network of few layers fills a screen, one of many is moved through.
    let bar = min(40, max(9, 960 / Double(max(1, layers.count)) - Self.gap)).rounded(.down)
    let width = Double(layers.count) * (bar + Self.gap) + Self.gap
    let most = Double(layers.map(\.unitsBefore).max() ?? 1).squareRoot()
    var body = ""
    for (index, layer) in layers.enumerated() {
      var canvas = SVGCanvas()
      let left = Self.gap + Double(index) * (bar + Self.gap)
      func draw(_ units: Int, _ kind: String, narrowedBy margin: Double = 0) {
        let height = max(1, Double(units).squareRoot() / most * (Self.height - 10))
        canvas.rectangle(
          x: left + margin, y: Self.height - height, width: bar - 2 * margin, height: height, "class=\"\(kind)\"")
      }
      draw(layer.unitsBefore, "before")
      draw(layer.units, "after")
      if let rank = layer.rank { draw(rank, "rank", narrowedBy: (bar / 4).rounded()) }
      canvas.rectangle(x: left - 1, y: 1, width: bar + 2, height: Self.height - 1, "class=\"frame\"")
      let words = layer.description.escapedForXML
      body += "<a href=\"#\(id)-\(index)\" aria-label=\"\(words)\"><title>\(words)</title>\n\(canvas.body)</a>\n"
    }
    return """
      <svg class="network" width="\(width.svg)" height="\(Self.height.svg)" viewBox="0 0 \(width.svg) \
      \(Self.height.svg)">
      \(body)</svg>
      """
  }
}
