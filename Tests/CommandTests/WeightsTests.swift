import Foundation
import Testing

/// Weights of other programs, and networks for other classes, from the command line.
struct WeightsTests {
  private let folder: TemporaryFolder
  private let run: TrainedRun

  init() throws {
    folder = try TemporaryFolder()
    run = try TrainedRun.lenet.get()
  }

  private var data: [String] { run.data.options + ["--threads", "1"] }

  private func weights(_ change: (String, [Int], Data) -> (String, [Int], Data)) throws -> ModelFile {
    var file = try ModelFile(run.run + "/best.safetensors")
    file.becomeWeights(change)
    return file
  }

  /// The run's weights for the first seven classes.
  private func sevenClasses() throws -> String {
    let file = try weights { name, shape, bytes in
      guard name.hasPrefix("fc3.") else { return (name, shape, bytes) }
      return (name, [7] + shape.dropFirst(), bytes.prefix(bytes.count / 10 * 7))
    }
    return try folder.write(try file.bytes(), "seven.safetensors")
  }

  @Test func `weights under a prefix, in a file of any name, are the run's own`() throws {
    var file = try weights { ("module." + $0, $1, $2) }
    file.metadata = ["architecture": "lenet5"]
    let path = try folder.write(try file.bytes(), "weights.bin")
    let normalization = ["--mean", "0.449", "--std", "0.226"]
    let theirs = try succeeding(["evaluate", "lenet5", "--weights", path, "--json"] + data + normalization)
    let own = try succeeding(["evaluate", run.run, "--json"] + data + normalization)
    #expect(try theirs.json()["top1"] as? Double == own.json()["top1"] as? Double)
    #expect(theirs.errors.contains("note: weights.bin: weights with prefix module."), "\(theirs.errors)")
  }

  @Test func `a model file is told by what is in it, not by its name`() throws {
    let model = try contents(of: run.run + "/best.safetensors")
    let onnx = folder["a.onnx"]
    try succeeding(["export", run.run, "--to", "onnx", "--output", onnx])
    let wrong = try folder.write([UInt8](contents(of: onnx)), "wrong.safetensors")
    let bare = try folder.write([UInt8](model), "model")
    try succeeding(["verify", wrong, bare])
  }

  @Test func `what is no model is named for what it is`() throws {
    let plain = try folder.write(try weights { ($0, $1, $2) }.bytes(), "plain.safetensors")
    expectRefusal(
      try thresh(["inspect", plain]), Status.file, ["plain.safetensors", "name the architecture", "--weights"])
    let pointer = try folder.write("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 10\n", "a.onnx")
    for arguments in [
      ["inspect", pointer], ["evaluate", "lenet5", "--weights", pointer] + data, ["verify", run.run, pointer],
      ["train", "--model", "lenet5", "--teacher", pointer, "--distillation", "0.5", "--output", folder["x"]] + data,
    ] {
      expectRefusal(try thresh(arguments), Status.file, ["a.onnx", "Git LFS"])
    }
    let page = try folder.write("<!DOCTYPE html><html><body>404</body></html>", "w.pth")
    expectRefusal(try thresh(["inspect", "lenet5", "--weights", page]), Status.file, ["w.pth", "web page"])
    expectRefusal(try thresh(["inspect", "lenet5", "--weights", folder.path]), Status.file, ["a folder"])
  }

  @Test func `weights for other classes are refused with the option that takes them`() throws {
    let seven = try sevenClasses()
    expectRefusal(try thresh(["evaluate", "lenet5", "--weights", seven] + data), Status.file, ["--new-head"])
    let outcome = try thresh(
      ["train", "--model", "lenet5", "--weights", seven, "--epochs", "1", "--output", folder["run"]] + data)
    expectRefusal(outcome, Status.file, ["fc3.weight is [7, 84], expected [10, 84]", "--new-head"])
    #expect(!exists(folder["run"]))
    // Where no images say how many classes there are, the weights do.
    try succeeding(["export", "lenet5", "--weights", seven, "--to", "onnx", "--output", folder["seven.onnx"]])
    expectRefusal(try thresh(["evaluate", folder["seven.onnx"]] + data), Status.network, ["--new-head"])
  }

  @Test func `a new head takes weights, an ONNX file and a model of other classes to these`() throws {
    let seven = try sevenClasses()
    try succeeding(["export", "lenet5", "--weights", seven, "--to", "onnx", "--output", folder["seven.onnx"]])
    let training = ["--epochs", "1", "--lr", "0.01", "--nuclear", "0", "--group", "0", "--new-head"]
    for (name, model) in [("a", ["lenet5", "--weights", seven]), ("b", [folder["seven.onnx"]])] {
      let outcome = try succeeding(["train", "--model"] + model + training + data + ["--output", folder[name]])
      #expect(outcome.errors.contains("the layer of the 7 classes, is replaced by a new one for the 10"), "\(outcome)")
      let result = try succeeding(["evaluate", folder[name], "--json"] + data).json()
      #expect(result["images"] as? Int == 100)
      let classes = try ModelFile(folder[name] + "/last.safetensors").metadata["classes"] ?? ""
      #expect(classes.contains("Ankle boot"))
      // What is resumed has the new head already.
      try succeeding(["train", "--resume", "--epochs", "2", "--output", folder[name]])
    }
    try succeeding(
      ["compress", folder["seven.onnx"], "--parameters", "0.5", "--finetune-epochs", "1", "--new-head", "--output"]
        + [folder["small.safetensors"]] + data)
    try succeeding(["evaluate", folder["small.safetensors"]] + data)
  }

  @Test func `a new head without anything to put it on, or training for it, is refused`() throws {
    expectRefusal(
      try thresh(["train", "--model", "lenet5", "--new-head", "--output", folder["run"]] + data), Status.recipe,
      ["--new-head", "random weights"])
    expectRefusal(
      try thresh(["compress", run.run, "--new-head", "--output", folder["x.safetensors"]] + data), Status.recipe,
      ["--finetune-epochs"])
    #expect(!exists(folder["run"]) && !exists(folder["x.safetensors"]))
  }
}
