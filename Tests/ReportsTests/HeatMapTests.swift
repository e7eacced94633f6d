import Reports
import Testing

@Suite struct HeatMapTests {
  private func map(_ count: Int, name: (Int) -> String = { "class \($0)" }) -> HeatMap {
    let values = (0..<count).map { row in (0..<count).map { row == $0 ? 1.0 : 0.0 } as [Double?] }
    let words = values.map { $0.map { $0 == 1 ? "7" : "" } }
    let axis = HeatMap.Axis("class", (0..<count).map(name))
    return HeatMap(title: "<map>", rows: axis, columns: axis, values: values, words: words, scale: .shares)
  }

  @Test(arguments: [2, 10, 37, 100])
  func `every name stands on both sides, up to a hundred classes`(count: Int) {
    let svg = map(count).svg()
    for index in 0..<count { #expect(svg.ranges(of: ">class \(index)</text>").count == 2, "class \(index)") }
    #expect(svg.contains("&lt;map&gt;"))
  }

  @Test func `cells are white where there is nothing, dark where all is, and have words where they are large`() {
    let svg = map(3).svg()
    #expect(svg.ranges(of: ">7</text>").count == 3 && svg.contains("fill=\"#08306b\""))
    #expect(!map(100).svg().contains(">7</text>"))
  }

  @Test func `an empty cell and a value that is no number are left out`() {
    let axis = HeatMap.Axis("x", ["a", "b"])
    let map = HeatMap(title: "", rows: HeatMap.Axis("y", ["c"]), columns: axis, values: [[nil, .nan]])
    #expect(!map.svg().contains("nan"))
  }

  @Test func `a page puts maps below its plots, as wide as itself`() {
    let plot = LinePlot(title: "p", x: .init("x"), y: .init("y"), series: [.init("s", [.init(x: 0, y: 0)])])
    let page = PlotPage(title: "t", plots: [plot, plot], maps: [map(4)], details: [plot])
    let svg = page.svg(plotWidth: 400, plotHeight: 200)
    #expect(svg.contains("width=\"800\""))
    #expect(svg.contains("translate(0 248)") && svg.ranges(of: ">class 3</text>").count == 2)
  }
}
