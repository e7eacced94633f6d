import Reports
import Testing

@Suite struct DotPlotTests {
  private let rows = [
    DotPlot.Row("first", 80, spread: 70...90), DotPlot.Row("<second>", 75), DotPlot.Row("third", .nan),
  ]

  /// Where the markers are, from top to bottom.
  private func markers(_ svg: String) -> [(x: Double, y: Double)] {
    svg.matches(of: /<path d="M([\d.]+) ([\d.]+)m-4 0/).map {
      (Double($0.output.1) ?? .nan, Double($0.output.2) ?? .nan)
    }
  }

  @Test func `each row has its name and a dot at its value`() throws {
    let svg = DotPlot(title: "t", axis: .init("top-1"), rows: rows).svg(width: 400)
    for name in ["first", "&lt;second&gt;", "third", "top-1"] { #expect(svg.contains(">\(name)<"), "\(name)") }
    let found = markers(svg)
    // What is not a number has no dot.
    try #require(found.count == 2)
    #expect(found[1].x < found[0].x && found[1].y > found[0].y)
  }

  @Test func `a dot stands in the middle of its spread`() throws {
    let svg = DotPlot(title: "t", axis: .init("top-1"), rows: rows).svg(width: 400)
    let bar = try #require(
      svg.firstMatch(of: /<line x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)" y2="[\d.]+" stroke="#0072b2"/))
    let (low, high) = (try #require(Double(bar.output.1)), try #require(Double(bar.output.2)))
    #expect(abs((low + high) / 2 - markers(svg)[0].x) < 0.02)
  }

  @Test func `the page is as high as its rows`() {
    func height(_ count: Int) -> Int? {
      let rows = (0..<count).map { DotPlot.Row("row \($0)", Double($0)) }
      let svg = DotPlot(title: "t", axis: .init("y"), rows: rows).svg()
      return svg.firstMatch(of: /height="(\d+)"/).flatMap { Int($0.output.1) }
    }
    #expect(height(10) == (height(5) ?? 0) + 110)
    #expect(height(0) != nil)
  }
}
