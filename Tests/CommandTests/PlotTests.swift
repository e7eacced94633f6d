import Foundation
import Testing

/// Plots of tables of figures.
struct PlotTests {
  private let table = """
    [{"training": "both", "seed": 0, "energy": 0.5, "parameters": 1000, "top1": 80.5},
     {"training": "both", "seed": 1, "energy": 0.5, "parameters": 1200, "top1": 81.5},
     {"training": "both", "seed": 0, "energy": 0.9, "parameters": 5000, "top1": 90, "note": null},
     {"training": "none", "seed": 0, "energy": 0.9, "parameters": 6000, "top1": 70}]
    """

  @Test func `a table becomes a line for every value of a column`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(table, "figures.json")
    try succeeding(
      ["plot", file, "--x", "parameters", "--y", "top1", "--by", "training", "--each", "energy", "--log-x"]
        + ["--title", "size", "--output", folder["plot.svg"]])
    let drawn = String(decoding: try contents(of: folder["plot.svg"]), as: UTF8.self)
    for word in ["<svg", "size", "both", "none"] { #expect(drawn.contains(word), "\(word)") }
    try succeeding(
      ["plot", file, "--x", "parameters", "--y", "top1", "--by", "training", "--only", "training=both"]
        + ["--output", folder["one.svg"]])
    #expect(!String(decoding: try contents(of: folder["one.svg"]), as: UTF8.self).contains(">none<"))
  }

  @Test func `a column of names becomes a dot for every name`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(table, "figures.json")
    try succeeding(["plot", file, "--x", "training", "--y", "top1", "--output", folder["dots.svg"]])
    let drawn = String(decoding: try contents(of: folder["dots.svg"]), as: UTF8.self)
    #expect(drawn.ranges(of: ">both<").count == 1 && drawn.ranges(of: ">none<").count == 1)
  }

  @Test(arguments: [
    (["--x", "size", "--y", "top1"], "no column size"), (["--x", "parameters"], "--x and --y"),
    (["--x", "parameters", "--y", "top1", "--only", "seed"], "column=value"),
    (["--x", "parameters", "--y", "top1", "--only", "seed=7"], "no row"),
    (["--x", "parameters", "--y", "training"], "no row"),
    (["--x", "training", "--y", "top1", "--by", "seed"], "without --by"),
  ])
  func `a column that is not there, or rows that are not, are refused`(options: [String], word: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(table, "figures.json")
    expectRefusal(try thresh(["plot", file] + options + ["--output", folder["plot.svg"]]), Status.recipe, [word])
  }

  @Test(arguments: ["{}", "[1]", "", "[{\"a\": [1]}]"])
  func `what is no list of flat objects is refused`(text: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, "figures.json")
    expectRefusal(
      try thresh(["plot", file, "--x", "a", "--y", "a", "--output", folder["plot.svg"]]), Status.file, ["JSON"])
  }
}
