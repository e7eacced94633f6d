import Foundation
import Reports
import Testing

@Suite struct TextStyleTests {
  @Test func `lines break between words, and what is longer than a line stays whole`() {
    let text = "the weights are taken from /a/very/long/path/to/a/file and from there"
    #expect(text.wrapped(to: 24) == "the weights are taken\n  from\n  /a/very/long/path/to/a/file\n  and from there")
    #expect("short".wrapped(to: 24) == "short")
    #expect("two\nlines".wrapped(to: 24) == "two\nlines")
  }

  @Test func `colours take no room in a line`() {
    let style = TextStyle(width: 20, usesColor: true)
    let text = style("warning:", .warning) + " twelve chars"
    #expect(text.wrapped(to: 21) == text)
    #expect(text.wrapped(to: 20).split(separator: "\n").count == 2)
  }

  @Test func `without colours a tone changes nothing`() {
    #expect(TextStyle.plain("better", .better) == "better")
  }

  @Test func `a file is no terminal: no colours, and 80 columns unless COLUMNS says otherwise`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try Data().write(to: path)
    defer { try? FileManager.default.removeItem(at: path) }
    let file = try FileHandle(forWritingTo: path)
    #expect(TextStyle.of(file, environment: [:]) == TextStyle(width: 80, usesColor: false))
    #expect(TextStyle.of(file, environment: ["COLUMNS": "120"]).width == 120)
    #expect(TextStyle.of(file, environment: ["COLUMNS": "wide"]).width == 80)
  }
}
