import Foundation
import Testing

/// Pages about runs and models.
struct ReportTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The figures that the page of a file holds for programs.
  private func figures(_ file: String) throws -> [[String: Any]] {
    let html = String(decoding: try contents(of: file), as: UTF8.self)
    let start = try #require(html.range(of: "id=\"figures\">"))
    let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
    let json = try JSONSerialization.jsonObject(with: Data(html[start.upperBound..<end.lowerBound].utf8))
    return try #require((json as? [String: Any])?["subjects"] as? [[String: Any]])
  }

  @Test func `the page of a run has the figures of its result, its layers, its curves and its recipe`() throws {
    let run = try TrainedRun.lenet.get()
    let file = folder["report.html"]
    #expect(try succeeding(["report", run.run, "--output", file]).output == file + "\n")
    let html = String(decoding: try contents(of: file), as: UTF8.self)
    let result = try #require(
      try JSONSerialization.jsonObject(with: contents(of: run.run + "/result.json")) as? [String: Any])
    let told = try figures(file)[0]
    #expect(told["ended"] as? Bool == true)
    #expect(told["result"] as? NSDictionary == result as NSDictionary)
    let top1 = try #require((result["test"] as? [String: Any])?["top1"] as? Double)
    #expect(told["top1"] as? Double == top1)
    #expect(html.contains(String(format: "<b>%.2f %%</b>", top1)), "\(top1)")
    for layer in ["conv1", "conv2", "fc1", "fc2", "fc3"] { #expect(html.contains("<td>\(layer)</td>"), "\(layer)") }
    #expect(html.contains("thresh train --recipe recipe.yaml"))
    #expect(html.contains(">accuracy</text>") && html.contains(">loss</text>"))
    #expect(!html.contains("<meta http-equiv"))
  }

  @Test func `a run that has not ended has a page that loads itself again`() throws {
    let run = try TrainedRun.lenet.get()
    try FileManager.default.copyItem(atPath: run.run, toPath: folder["run"])
    try FileManager.default.removeItem(atPath: folder["run/result.json"])
    try succeeding(["report", folder["run"], "--output", folder["report.html"]])
    let html = String(decoding: try contents(of: folder["report.html"]), as: UTF8.self)
    #expect(html.contains("http-equiv=\"refresh\"") && html.contains("not ended: run after epoch"))
    #expect(try figures(folder["report.html"])[0]["ended"] as? Bool == false)

    // Watching, it is written again, and for the last time when the run has ended.
    let watching = try Program(["report", folder["run"], "--watch", "--output", folder["watched.html"]])
    while watching.isRunning, !exists(folder["watched.html"]) { Thread.sleep(forTimeInterval: 0.02) }
    try FileManager.default.copyItem(atPath: run.run + "/result.json", toPath: folder["run/result.json"])
    #expect(try watching.wait().status == 0)
    #expect(try figures(folder["watched.html"])[0]["ended"] as? Bool == true)
  }

  @Test func `runs and models stand side by side, and a network that was only read has a page too`() throws {
    let (dec3, lenet) = (try TrainedRun.dec3.get(), try TrainedRun.lenet.get())
    try succeeding(["compress", dec3.run, "--macs", "0.5", "--output", folder["small.onnx"]])
    let file = folder["report.html"]
    try succeeding(["report", dec3.run, lenet.run, folder["small.onnx"], "--output", file])
    let html = String(decoding: try contents(of: file), as: UTF8.self)
    #expect(html.contains("top-1 over parameters") && html.contains("top-1 over MACs"))
    let told = try figures(file)
    #expect(told.count == 3)
    let (before, after) = (told[2]["before"] as? [String: Any], told[2]["after"] as? [String: Any])
    let macs = (try #require(before?["macs"] as? Int), try #require(after?["macs"] as? Int))
    #expect(macs.1 * 2 <= macs.0)
    #expect((told[2]["plan"] as? [String: Any])?["layers"] != nil)

    try succeeding(["report", "resnet20", "--output", file])
    #expect(String(decoding: try contents(of: file), as: UTF8.self).contains("<td>layer1.0.conv1</td>"))
  }

  @Test func `what is no run and no model is refused, and nothing is written`() throws {
    try FileManager.default.createDirectory(atPath: folder["empty"], withIntermediateDirectories: true)
    let file = folder["report.html"]
    expectRefusal(
      try thresh(["report", folder["empty"], "--output", file]), Status.file, ["holds no metrics.jsonl"])
    expectRefusal(
      try thresh(["report", folder["nothing.onnx"], "--output", file]), Status.network, ["nothing.onnx"])
    #expect(!exists(file))
  }
}
