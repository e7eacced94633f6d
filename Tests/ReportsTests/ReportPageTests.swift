import Testing

@testable import Reports

/// The page that `thresh report` writes, by its text; Tests/Interop/page.py looks at it in a browser.
struct ReportPageTests {
  private static let hostile = "</script><b>\"a\" & b"

  private let page = ReportPage(
    title: hostile, subtitle: hostile,
    sections: [
      .heading(hostile), .text(hostile), .cards([.init(hostile, hostile)]),
      .network(
        NetworkPicture([
          .init(name: hostile, unitsBefore: 64, units: 16, rank: 4, words: hostile),
          .init(name: "fc", unitsBefore: 10, units: 10, words: ""),
        ]), id: "layer"),
      .table(
        .init(
          columns: ["layer", hostile],
          rows: [[.text(hostile), .number(0.5, "50 %")], [.text("fc"), .number(nil, "")]]), id: "layer"),
      .listing(.init(hostile, "a: <b>\n  c: d")),
    ], json: #"{"name": "</script>"}"#)

  @Test func `names of files and layers are text, whatever they hold`() {
    let html = page.html()
    #expect(!html.contains("<b>\"a\""))
    #expect(html.components(separatedBy: "</script>").count == 3, "two scripts of our own, and no other end")
    #expect(html.contains("&lt;/script&gt;&lt;b&gt;&quot;a&quot; &amp; b"))
    #expect(html.contains("a: &lt;b&gt;\n  c: d"), "lines of a listing stay")
  }

  @Test func `every bar leads to a row of the table, and says what it stands for`() {
    let html = page.html()
    for index in 0..<2 {
      #expect(html.contains("href=\"#layer-\(index)\""))
      #expect(html.contains("<tr id=\"layer-\(index)\">"))
    }
    #expect(html.contains("64 → 16 units, rank 4"))
    #expect(html.contains("aria-label=\"fc: 10 units\""))
    #expect(html.contains("data-value=\"0.5\">50 %"))
  }

  @Test func `nothing is loaded from elsewhere, and only the page of a run that goes on loads itself again`() {
    let html = page.html()
    for word in ["http://", "https://", "@import", "url(", "src="] { #expect(!html.contains(word), "\(word)") }
    #expect(!html.contains("<meta http-equiv"))
    var other = page
    other.refresh = 10
    #expect(other.html().contains("<meta http-equiv=\"refresh\" content=\"10\">"))
  }
}
