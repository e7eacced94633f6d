import Foundation
import Reports
import Testing

@Suite struct LinePlotTests {
  private func plot(_ points: [(Double, Double)], x: LinePlot.Axis = .init("x"), y: LinePlot.Axis = .init("y"))
    -> LinePlot
  {
    LinePlot(title: "t", x: x, y: y, series: [.init("s", points.map { .init(x: $0.0, y: $0.1) })])
  }

  /// What stands between the tags of the text elements.
  private func texts(_ plot: LinePlot) -> [String] {
    plot.svg().matches(of: /<text[^>]*>([^<]*)<\/text>/).map { String($0.output.1) }
  }

  private func count(_ part: String, in plot: LinePlot) -> Int {
    plot.svg().ranges(of: part).count
  }

  @Test func `the same values give the same text`() {
    let plot = plot([(0, 1), (1, 2)])
    #expect(plot.svg() == plot.svg())
  }

  @Test func `a plot is well-formed XML whatever its words are`() throws {
    var plot = plot([(0, 1), (1, 2)])
    plot.title = "a < b & \"c\" \u{1B}\u{FFFF}>"
    plot.series[0].name = "<&>"
    plot.references = [.horizontal(y: 1, "</svg>")]
    let svg = plot.svg()
    #expect(svg.contains("a &lt; b &amp; &quot;c&quot;"))
    #expect(!svg.contains("\u{1B}") && !svg.contains("\u{FFFF}"))
    #expect(svg.ranges(of: "</svg>").count == 1)
  }

  @Test func `linear ticks are round numbers`() {
    let labels = texts(plot([(0, 0), (10, 1)]))
    #expect(["0.2", "0.4", "0.6", "0.8", "1.0"].allSatisfy(labels.contains))
    #expect(["0", "2", "4", "6", "8", "10"].allSatisfy(labels.contains))
  }

  @Test func `large numbers share one unit`() {
    let labels = texts(plot([(0, 0), (1, 40e6)]))
    #expect(["0", "10 M", "20 M", "30 M", "40 M"].allSatisfy(labels.contains))
  }

  @Test func `logarithmic ticks are powers of ten`() {
    let labels = texts(plot([(1, 1e-5), (2, 10)], y: .init("y", scale: .logarithmic)))
    #expect(["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1", "10"].allSatisfy(labels.contains))
  }

  @Test func `a short logarithmic axis has two and five between the powers`() {
    let labels = texts(plot([(2e6, 1), (40e6, 2)], x: .init("x", scale: .logarithmic)))
    #expect(["2 M", "5 M", "10 M", "20 M"].allSatisfy(labels.contains))
  }

  @Test func `a point that is not finite leaves a gap`() {
    let values: [(Double, Double)] = [(0, 1), (1, 2), (2, .nan), (3, 1), (4, 2)]
    #expect(count("stroke-linejoin", in: plot(values)) == 2)
  }

  @Test func `a logarithmic axis leaves out what is not above zero`() {
    let plot = plot([(1, 0), (2, -1), (3, 5)], y: .init("y", scale: .logarithmic))
    #expect(count("m-4 0a4", in: plot) == 1)
    #expect(!plot.svg().contains("–"))
  }

  @Test(arguments: [
    [], [(1, 1)], [(1, 0), (2, 0)], [(.nan, .nan)], [(1e16, 1), (1e16 + 2, 2)], [(-1e299, 1e299), (1e299, -1e299)],
    [(1e-200, 1e-200), (2e-200, 1e-199)], [(.infinity, 1), (1, -.infinity)],
  ])
  func `values however odd give only finite places`(values: [(Double, Double)]) {
    for scale in [LinePlot.Axis.Scale.linear, .logarithmic] {
      let svg = plot(values, x: .init("x", scale: scale), y: .init("y", scale: scale)).svg()
      #expect(!svg.contains("\"–\"") && !svg.contains("M–") && !svg.contains("nan") && !svg.contains("inf"))
    }
  }

  @Test func `several series get a legend, one gets none`() {
    var plot = plot([(0, 1), (1, 2)])
    #expect(!texts(plot).contains("s"))
    plot.series.append(.init("other", [.init(x: 0, y: 1)]))
    #expect(texts(plot).contains("s") && texts(plot).contains("other"))
  }

  @Test func `a spread is drawn as bars or as a band`() {
    let points = (0..<3).map { LinePlot.Point(x: Double($0), y: 1, spread: 0.5...2) }
    let axes = (LinePlot.Axis("x"), LinePlot.Axis("y"))
    let bars = LinePlot(title: "", x: axes.0, y: axes.1, series: [.init("s", points)])
    let band = LinePlot(title: "", x: axes.0, y: axes.1, series: [.init("s", points, spread: .band)])
    #expect(count("h8M", in: bars) == 3)
    #expect(count("fill-opacity", in: band) == 1)
  }

  @Test func `many points are a line without markers`() {
    #expect(count("m-4 0a4", in: plot((0..<100).map { (Double($0), 1) })) == 0)
  }

  @Test func `a reference line widens the axis and bears its name`() {
    var plot = plot([(0, 1), (1, 2)])
    plot.references = [.horizontal(y: 10, "dense")]
    #expect(texts(plot).contains("dense") && texts(plot).contains("10"))
  }

  @Test func `the name of a reference line stands where no points are`() {
    var plot = plot([(0, 0), (8, 9.8), (9, 9.9), (10, 9.9)])
    plot.references = [.horizontal(y: 10, "dense")]
    #expect(plot.svg().contains(/text-anchor="start"[^>]*>dense</))
  }

  @Test func `a series outside the axis' range is cut`() {
    let plot = plot([(0, 1), (1, 50)], y: .init("y", range: 0...2))
    #expect(count("<clipPath", in: plot) == 1)
    #expect(count("m-4 0a4", in: plot) == 1)
  }
}
