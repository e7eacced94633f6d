import ArgumentParser
import Foundation
import Training

struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw what a training did: accuracy, ranks, living units, singular values over its epochs.",
    discussion: """
      Example:
        thresh plot run --output run.svg
        thresh plot run-a run-b --output comparison.svg

      One run gets a plot for each layer too; several are drawn into the same plots. The fine-tuning of a run comes \
      behind its training.
      """)

  @Argument(help: ArgumentHelp("Folders of runs.", valueName: "run"))
  var runs: [String]
  @Option(help: ArgumentHelp("The SVG file to write.", valueName: "file"))
  var output = "plot.svg"

  func run() throws {
    try AtomicOutput.check(output)
    let histories = try runs.map { try RunHistory(RunFolder(URL(filePath: $0, directoryHint: .isDirectory))) }
    let page = histories.count == 1 ? RunPlots.page(of: histories[0]) : RunPlots.comparison(of: histories)
    try AtomicOutput.write(page.svg(), to: URL(filePath: output))
    print(output)
  }
}
