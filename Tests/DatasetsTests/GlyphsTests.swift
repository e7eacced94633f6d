import Testing

@testable import Datasets

@Suite struct GlyphsTests {
  private func images(_ source: any ImageSource) throws -> InMemoryImages { try #require(source as? InMemoryImages) }

  @Test func `the same seed draws the same bytes on every machine`() throws {
    let data = Glyphs(train: 720, test: 36, seed: 5).dataset()
    // Computed on x86-64 Linux; another machine must find the same.
    #expect(sha256(try images(data.train).pixels) == "8ad808c58326b0d4a446a68309dac228dcc5347a0b88fde5e1ba39d8591e6e58")
  }

  @Test func `another seed draws others, and so does the test set`() throws {
    let (a, b) = (Glyphs(train: 36, test: 36, seed: 0).dataset(), Glyphs(train: 36, test: 36, seed: 1).dataset())
    #expect(try images(a.train).pixels != images(b.train).pixels)
    #expect(try images(a.train).pixels != images(a.test).pixels)
  }

  @Test func `more images begin with the same ones`() throws {
    let (few, many) = (Glyphs(train: 40, test: 1).dataset(), Glyphs(train: 600, test: 1).dataset())
    #expect(try images(few.train).pixels.elementsEqual(images(many.train).pixels.prefix(40 * 1024)))
  }

  @Test func `there are 36 classes in turn`() {
    let data = Glyphs(train: 72, test: 36).dataset()
    #expect(data.classNames.joined() == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    #expect((0..<72).map(data.train.label) == Array(0..<36) + Array(0..<36))
  }

  @Test func `no two characters have the same strokes`() {
    let drawn = GlyphStrokes().chains.map { $0.map { $0.map { "\($0)" } } }
    #expect(Set(drawn).count == 36)
    #expect(drawn.allSatisfy { !$0.isEmpty })
  }

  @Test(arguments: [
    (0.0, 1.0, 0.0), (30, 0.75.squareRoot(), 0.5), (90, 0, 1), (180, -1, 0), (-60, 0.5, -0.75.squareRoot()),
  ])
  func `cosine and sine are exact to 1e-12`(degrees: Double, cosine: Double, sine: Double) {
    let (c, s) = cosineAndSine(degrees: degrees)
    #expect(abs(c - cosine) < 1e-12 && abs(s - sine) < 1e-12)
  }
}
