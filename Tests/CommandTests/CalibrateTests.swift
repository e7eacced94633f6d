import Foundation
import Testing

/// Times of layers, from the machine to a plan.
struct CalibrateTests {
  @Test func `calibrate predicts and measures, and keeps the times where compress finds them`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let environment = ["XDG_CACHE_HOME": folder["cache"]]
    let model = run.run + "/last.safetensors"
    let report = try succeeding(
      ["calibrate", model, "--batch-size", "2", "--threads", "1", "--json"], environment: environment
    ).json()
    let whole = try #require(report["whole"] as? [String: Double])
    #expect(try #require(whole["predicted"]) > 0 && #require(whole["measured"]) > 0)
    let layers = try #require(report["layers"] as? [[String: Any]])
    #expect(layers.count == 7 && layers.contains { ($0["factors"] as? [[String: Any]])?.isEmpty == false })
    let file = folder["cache/thresh/times.json"]
    #expect(report["cache"] as? String == file && exists(file))

    let small = folder["small.safetensors"]
    let options = ["--time", "0.8", "--time-batch-size", "2", "--threads", "1", "--output", small]
    let figures = try succeeding(["compress", model, "--json"] + options, environment: environment).json()
    let plan = try #require(figures["plan"] as? [String: Any])
    let time = try #require(plan["time"] as? [String: Any])
    #expect(time["original"] as? Double == whole["predicted"])
    #expect(try #require(time["predicted"] as? Double) <= 0.8 * #require(time["original"] as? Double))
    let table = try succeeding(["compress", model] + options, environment: environment).output
    #expect(table.contains("ms after") && table.contains("for a batch of 2, 1 thread, float32"))
    #expect(
      try succeeding(["calibrate", small, "--batch-size", "2"], environment: environment).output.contains("besides"))
  }

  @Test func `a cache that cannot be read is made anew, one that cannot be written is a warning`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    try folder.write("no JSON", "thresh/times.json")
    let arguments = ["calibrate", run.run, "--batch-size", "1", "--threads", "1"]
    try succeeding(arguments, environment: ["XDG_CACHE_HOME": folder.path])
    #expect(try contents(of: folder["thresh/times.json"]).first == UInt8(ascii: "["))
    try folder.write("", "file")
    let outcome = try succeeding(arguments, environment: ["XDG_CACHE_HOME": folder["file"]])
    #expect(outcome.errors.contains("warning: the times cannot be kept"))
  }

  @Test(arguments: [["--batch-size", "0"], ["--threads", "0"], ["--batch-size", "70000"]])
  func `a value without sense is refused`(options: [String]) throws {
    expectRefusal(try thresh(["calibrate", "lenet5"] + options), Status.recipe, [options[0]])
  }
}
