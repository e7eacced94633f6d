import ArgumentParser
import Foundation
import Thresh

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page of HTML that shows what became of a network.",
    discussion: """
      Example:
        thresh report run --output report.html
        thresh report run --watch
        thresh report run-a run-b small.onnx --output comparison.html

      The page is one file that needs nothing else. It has the size and the accuracy, the layers before and after with \
      the reason for each, the curves over epochs, and the recipe to repeat it. Of several runs or models it has \
      accuracy over size too. The page of a run that has not ended loads itself again; --watch keeps it up to date \
      until the run ends.
      """)

  @Argument(help: ArgumentHelp("Folders of runs, or model files (ONNX too).", valueName: "run|model"))
  var subjects: [String]
  @Option(help: ArgumentHelp("The HTML file to write.", valueName: "file"))
  var output = "report.html"
  @Flag(help: "Write the page again every ten seconds until all runs have ended; Ctrl-C ends it before.")
  var watch = false

  /// Seconds between two pages of a run that goes on.
  private static let interval = 10

  func run() throws {
    try AtomicOutput.check(output)
    guard !subjects.isEmpty else { throw RecipeError("a report needs a run's folder or a model file") }
    Interruption.keeps { "the page shows the last state that was read" }
    while true {
      let report = NetworkReport(try subjects.map(ReportSubject.init), refreshing: Self.interval)
      try AtomicOutput.write(try report.page().html(), to: URL(filePath: output))
      guard watch, report.goesOn else { break }
      Console.note("\(output) written; again in \(Self.interval) s")
      Thread.sleep(forTimeInterval: Double(Self.interval))
    }
    print(output)
  }
}
