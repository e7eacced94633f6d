import ArgumentParser
import Foundation
import Thresh

struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plot a training over its epochs: accuracy, loss, size, and the ranks of its layers.",
    discussion: """
      Example:
        thresh plot run --output run.svg
        thresh plot run --layers 'layer1.*' --output layers.svg
        thresh plot run-a run-b --output comparison.svg
        thresh plot figures.json --x parameters --y top1 --by training --output curves.svg
        thresh plot figures.json --x training --y top1 --output contenders.svg

      The ranks of all layers are one map, darker where they are higher; --layers adds a plot of the singular values \
      of each layer. Several runs share their plots. The fine-tuning of a run follows its training. A JSON list of objects is drawn as lines over the column --x. If that column holds texts, each of them \
      gets a dot.
      """)

  @Argument(help: ArgumentHelp("Folders of runs, or one table of figures.", valueName: "run|table"))
  var runs: [String]
  @Option(
    help: ArgumentHelp(
      "Of one run: layers whose singular values are plotted too; * stands for any characters.", valueName: "pattern"))
  var layers: [String] = []
  @Option(help: ArgumentHelp("Of a table: the column of the horizontal axis.", valueName: "column"))
  var x: String?
  @Option(help: ArgumentHelp("Of a table: the column of the vertical axis.", valueName: "column"))
  var y: String?
  @Option(help: ArgumentHelp("Of a table: the column whose values make the lines.", valueName: "column"))
  var by: String?
  @Option(
    help: ArgumentHelp(
      "Of a table: rows with one value in this column are repetitions of a point (default: --x).", valueName: "column"))
  var each: String?
  @Option(help: ArgumentHelp("Of a table: the rows to use; separate several values by |.", valueName: "column=value"))
  var only: [String] = []
  @Flag(help: "Of a table: a logarithmic axis along --x.")
  var logX = false
  @Flag(help: "Of a table: a logarithmic axis along --y.")
  var logY = false
  @Option(help: "Of a table: the plot's title.")
  var title: String?
  @Option(help: ArgumentHelp("The SVG file to write.", valueName: "file"))
  var output = "plot.svg"

  func run() throws {
    try AtomicOutput.check(output)
    if let table = try tablePlot() {
      try AtomicOutput.write(
        try table.svg(of: try TablePlot.rows(of: URL(filePath: runs[0]))), to: URL(filePath: output))
      return print(output)
    }
    let histories = try runs.map { try RunHistory(RunFolder(URL(filePath: $0, directoryHint: .isDirectory))) }
    guard layers.isEmpty || histories.count == 1 else {
      throw RecipeError("--layers is for one run, but \(histories.count) were given; leave it out")
    }
    let page =
      try histories.count == 1
      ? RunPlots.page(of: histories[0], layers: layers) : RunPlots.comparison(of: histories.namedApart)
    try AtomicOutput.write(page.svg(), to: URL(filePath: output))
    print(output)
  }

  /// What --x and --y ask for; nil draws runs.
  private func tablePlot() throws -> TablePlot? {
    guard x != nil || y != nil || by != nil || each != nil || logX || logY || !only.isEmpty || title != nil else {
      return nil
    }
    guard let x, let y, runs.count == 1 else {
      throw RecipeError("a plot of figures needs one table, --x and --y")
    }
    let only = try only.map { word -> (column: String, values: Set<String>) in
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else { throw RecipeError("--only is \(word), expected column=value") }
      let values = parts[1].split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      return (parts[0], Set(values))
    }
    return TablePlot(
      x: x, y: y, by: by, each: each, only: only, isLogarithmic: (x: logX, y: logY), title: title ?? "\(y) over \(x)")
  }
}
