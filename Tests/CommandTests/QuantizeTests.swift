import Foundation
import Testing

/// Networks of 8 bits from the command line.
@Suite struct QuantizeTests {
  @Test func `a network is written in 8 bits, evaluated from there, verified, and trained on`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let (file, model) = (folder["small.onnx"], folder["small.safetensors"])
    let rest = ["--threads", "1"] + run.data.options
    let command = ["quantize", run.run, "--images", "64"] + rest
    let json = try succeeding(command + ["--json", "--output", file]).json()
    let best = try #require(json["best"] as? [String: Any])
    let trials = try #require(json["trials"] as? [[String: Any]])
    let least = trials.compactMap { $0["divergence"] as? Double }.min()
    #expect(trials.count >= 4 && best["divergence"] as? Double == least)
    let test = try #require(json["test"] as? [String: Any])
    let evaluated = try succeeding(["evaluate", file, "--json"] + rest).json()
    #expect(evaluated["top1"] as? Double == test["top1"] as? Double)
    let verified = try succeeding(["verify", run.run, file, "--json"] + rest).json()
    #expect((1e-4..<0.1).contains(try #require(verified["difference"] as? Double)))
    let strict = ["verify", run.run, file, "--tolerance", "1e-6"]
    #expect(try thresh(strict + rest).status == Status.proof)
    expectRefusal(try thresh(strict), Status.recipe, ["8 bits", "--data"])
    // A byte for each weight instead of four.
    let float = folder["float.onnx"]
    try succeeding(["export", run.run, "--to", "onnx", "--output", float])
    #expect(try contents(of: file).count * 3 < contents(of: float).count)

    let said = try succeeding(command + ["--activations", "int8", "--ranges", "mse", "--output", model]).output
    for words in ["signal to noise", "mse", "held-out", "written to \(model)"] {
      #expect(said.contains(words), "\(said)")
    }
    #expect(said.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.contains(folder.path) }, "\(said)")
    let tuned = folder["tuned"]
    try succeeding(
      [
        "train", "--model", model, "--epochs", "1", "--lr", "0.001", "--nuclear", "0", "--group", "0", "--output",
        tuned,
      ]
        + rest)
    try succeeding(["export", tuned, "--to", "onnx", "--output", folder["tuned.onnx"]])
    try succeeding(["verify", tuned, folder["tuned.onnx"], "--tolerance", "0.05"] + rest)
  }

  @Test func `with epochs of training the better of the two is written`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let file = folder["small.onnx"]
    let rest = ["--threads", "1"] + run.data.options
    let command = ["quantize", run.run, "--images", "32", "--ranges", "min-max", "--output", file] + rest
    let json = try succeeding(command + ["--finetune-epochs", "2", "--lr", "0.01", "--json"]).json()
    let stages = try #require(json["stages"] as? [[String: Any]])
    #expect(stages.map { $0["name"] as? String } == ["dense", "quantized", "finetuned"])
    let held = stages.compactMap { ($0["accuracy"] as? [String: Any])?["top1"] as? Double }
    #expect(held.count == 3 && held[2] >= held[1], "\(held)")
    let test = try #require(json["test"] as? [String: Any])
    let evaluated = try succeeding(["evaluate", file, "--json"] + rest).json()
    #expect(evaluated["top1"] as? Double == test["top1"] as? Double)
    expectRefusal(try thresh(command + ["--finetune-epochs=-1"]), Status.recipe, ["--finetune-epochs is -1"])
  }

  @Test func `what cannot be is one sentence, and nothing is written`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let file = folder["x.onnx"]
    let rest = ["--threads", "1", "--output", file] + run.data.options
    for (options, status, words) in [
      (["--images", "4"], Status.recipe, ["--images is 4", "10"]),
      (["--weight-bits", "4"], Status.recipe, ["--weight-bits is 4"]),
      (["--skip", "nothing"], Status.recipe, ["--skip is nothing"]),
      (["--skip", "*"], Status.network, ["no layer", "leave fewer"]),
    ] { expectRefusal(try thresh(["quantize", run.run] + options + rest), status, words) }
    expectRefusal(try thresh(["quantize", run.run, "--output", file]), Status.recipe, ["--data is missing"])
    expectRefusal(
      try thresh(["quantize", run.run, "--output", folder["x.py"]] + run.data.options), Status.output, [".onnx"])
    #expect(!exists(file) && !exists(folder["x.py"]))
    try succeeding(["quantize", run.run, "--images", "16", "--ranges", "min-max"] + rest)
    expectRefusal(
      try thresh(["quantize", file, "--threads", "1", "--output", folder["y.onnx"]] + run.data.options),
      Status.network, ["quantised already"])
  }
}
