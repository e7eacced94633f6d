import Foundation
import Testing

/// Plans by the clock of another runtime, from the command line to a file that runs there.
struct ClockTests {
  private let python = ["THRESH_PYTHON": root.appending(path: ".venv/bin/python").path]

  @Test func `a network is planned by onnxruntime's times, and the file is as fast there as the plan says`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let environment = python.merging(["XDG_CACHE_HOME": folder["cache"]]) { $1 }
    let model = run.run + "/last.safetensors"
    let options = ["--time", "0.8", "--clock", "onnxruntime", "--time-batch-size", "2", "--threads", "1"]
    let figures = try succeeding(
      ["compress", model, "--json", "--output", folder["small.safetensors"]] + options, environment: environment
    ).json()
    let plan = try #require(figures["plan"] as? [String: Any])
    let time = try #require(plan["time"] as? [String: Any])
    let measured = try #require(time["measured"] as? [String: Any])
    #expect((measured["runtime"] as? String)?.hasPrefix("onnxruntime 1.") == true)
    #expect(try #require(measured["compact"] as? Double) > 0 && #require(measured["original"] as? Double) > 0)
    // The times are kept, under the runtime's name.
    let cache = String(decoding: try contents(of: folder["cache/thresh/times.json"]), as: UTF8.self)
    #expect(cache.contains("onnxruntime 1."))
    let table = try succeeding(["plan", model] + options, environment: environment).output
    #expect(table.contains("measured in onnxruntime 1."))
    try succeeding(["export", folder["small.safetensors"], "--to", "onnx", "--output", folder["small.onnx"]])
    let verified = try succeeding(["verify", folder["small.safetensors"], folder["small.onnx"]])
    #expect(verified.status == 0)
  }

  @Test func `calibrate shows a runtime's times of layers and of the whole network`() throws {
    let folder = try TemporaryFolder()
    let report = try succeeding(
      ["calibrate", "lenet5", "--batch-size", "1", "--threads", "1", "--clock", "onnxruntime", "--json"],
      environment: python.merging(["XDG_CACHE_HOME": folder.path]) { $1 }
    ).json()
    #expect((report["runtime"] as? String)?.hasPrefix("onnxruntime 1.") == true)
    let whole = try #require(report["whole"] as? [String: Double])
    #expect(try #require(whole["predicted"]) > 0 && #require(whole["measured"]) > 0)
  }

  @Test(arguments: [
    ("echo ready", "answered “ready”"), ("exit 1", "ended without an answer"),
    ("read line; sleep 60", "said nothing for 1 seconds"),
    (#"read line; echo '{"error": "no phone"}'"#, "cannot tell: no phone"),
  ])
  func `a clock that does not answer is one sentence, and nothing is written`(command: String, words: String) throws {
    let folder = try TemporaryFolder()
    let model = try TrainedRun.dec3.get().run + "/last.safetensors"
    let outcome = try thresh(
      ["compress", model, "--time", "0.8", "--clock", command, "--output", folder["small.safetensors"]],
      environment: ["THRESH_CLOCK_SECONDS": "1", "XDG_CACHE_HOME": folder["cache"]])
    expectRefusal(outcome, Status.clock, [words])
    #expect(!exists(folder["small.safetensors"]))
  }

  @Test func `8 bits are timed by another runtime, and refused by Thresh's own engine`() throws {
    let folder = try TemporaryFolder()
    let environment = python.merging(["XDG_CACHE_HOME": folder.path]) { $1 }
    let plan = ["plan", "resnet20", "--time-batch-size", "2", "--threads", "1", "--time-precision", "int8"]
    let table = try succeeding(plan + ["--time", "1", "--clock", "onnxruntime"], environment: environment).output
    #expect(table.contains("for a batch of 2, 1 thread, int8") && table.contains("measured in onnxruntime 1."))
    expectRefusal(
      try thresh(plan + ["--time", "0.9"]), Status.recipe, ["--time-precision is int8", "does not compute in 8 bits"])
    expectRefusal(
      try thresh(["calibrate", "lenet5", "--precision", "int8"]), Status.clock, ["does not compute in 8 bits"])
  }

  @Test func `a clock without a time to reach is refused`() throws {
    let outcome = try thresh(["plan", "lenet5", "--macs", "0.5", "--clock", "onnxruntime"])
    expectRefusal(outcome, Status.recipe, ["--clock is onnxruntime", "--time with it"])
  }
}
