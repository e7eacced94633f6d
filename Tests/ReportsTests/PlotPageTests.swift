import Reports
import Testing

@Suite struct PlotPageTests {
  private func plot(_ title: String, fan: [[LinePlot.Point]] = []) -> LinePlot {
    LinePlot(
      title: title, x: .init("x"), y: .init("y"), series: [.init("s", [.init(x: 0, y: 0), .init(x: 1, y: 1)])],
      fan: fan)
  }

  @Test func `plots stand in rows from left to right`() {
    let page = PlotPage(title: "all", plots: ["a", "b", "c"].map { plot($0) }, columns: 2)
    let places = page.svg(plotWidth: 100, plotHeight: 50).matches(of: /translate\((\d+) (\d+)\)">\n/).map {
      [Int($0.output.1), Int($0.output.2)]
    }
    #expect(places == [[0, 48], [100, 48], [0, 98]])
  }

  @Test func `whole numbers alone are written at an axis of epochs`() {
    for last in [1.0, 2, 3, 30] {
      let points = stride(from: 1, through: last, by: 1).map { LinePlot.Point(x: $0, y: 300 + $0) }
      let plot = LinePlot(
        title: "", x: .init("epoch", scale: .whole), y: .init("y"), series: [.init("s", points)])
      let svg = plot.svg(width: 400, height: 300)
      #expect(svg.contains(">1</text>") || last > 10)
      #expect(svg.matches(of: />[0-9]*\.[0-9]+<\/text>/).filter { !$0.output.contains(">30") }.isEmpty)
    }
  }

  @Test func `a lone point of a fan is a dot, and the name of a vertical line stands above the axes`() throws {
    var plot = plot("t", fan: [[.init(x: 0.5, y: 0.5)]])
    plot.references = [.vertical(x: 0.5, "made compact")]
    let svg = plot.svg(width: 400, height: 300)
    #expect(svg.contains("a2 2 0 1 0 4 0"))
    let top = svg.firstMatch(of: /<rect x="[0-9.]+" y="([0-9.]+)"/).flatMap { Double($0.output.1) }
    let name = svg.firstMatch(of: /y="([0-9.]+)"[^>]*>made compact/).flatMap { Double($0.output.1) }
    #expect(try #require(name) < #require(top))
  }

  @Test func `a page is one document that is as high as its rows`() {
    let svg = PlotPage(title: "<all>", plots: ["a", "b", "c"].map { plot($0) }).svg(plotWidth: 100, plotHeight: 50)
    #expect(svg.contains("width=\"200\" height=\"148\""))
    #expect(svg.ranges(of: "<svg").count == 1 && svg.ranges(of: "</svg>").count == 1)
    #expect(svg.contains("&lt;all&gt;"))
  }

  @Test func `thin lines are within the axes and not in the legend`() {
    let fan = [100.0, 200].map { y in [LinePlot.Point(x: 0, y: y), LinePlot.Point(x: 1, y: y)] }
    let svg = plot("t", fan: fan).svg()
    #expect(svg.ranges(of: "stroke-opacity").count == 2)
    // The axis reaches to the fan's values, and one series alone has no legend.
    #expect(svg.contains(">200</text>") && !svg.contains(">s</text>"))
  }
}
