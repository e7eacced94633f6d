import Foundation
import Testing

/// The articles' code is that of the example package, which is compiled.
struct ArticleTests {
  private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test(arguments: ["CompressAPretrainedNetwork", "TrainForCompression", "BringYourOwnNetwork", "TheArchitecture"])
  func `every line of code in an article stands in an example`(_ article: String) throws {
    let page = try Self.text("Sources/Thresh/Thresh.docc/\(article).md")
    let blocks = page.components(separatedBy: "```").dropFirst().enumerated().filter { $0.offset % 2 == 0 }
      .map(\.element)
    try #require(!blocks.isEmpty && blocks.allSatisfy { $0.hasPrefix("swift\n") })
    let folder = Self.package.appending(path: "Examples/Sources/articles").path
    let examples = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
      .map { try Self.lines(Self.text("Examples/Sources/articles/\($0)")).joined(separator: "\n") }
    for block in blocks {
      let code = Self.lines(String(block.dropFirst("swift\n".count))).joined(separator: "\n")
      #expect(examples.contains { $0.contains(code) }, "no example has\n\(code)")
    }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: package.appending(path: path), encoding: .utf8)
  }

  /// Without indentation, empty lines and those of comments.
  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      !$0.isEmpty && !$0.hasPrefix("//")
    }
  }
}
