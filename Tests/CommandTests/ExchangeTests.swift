import Foundation
import Testing

/// Export and verification from the command line.
struct ExchangeTests {
  @Test func `a compact network goes out as ONNX, is used from there and verified`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let file = folder["small.onnx"]
    try succeeding(["export", run.run, "--to", "onnx", "--output", file])
    let verified = try succeeding(["verify", run.run, file, "--json", "--threads", "1"] + run.data.options).json()
    #expect(try #require(verified["difference"] as? Double) < 1e-5)
    #expect(verified["agreement"] as? Double == 100)
    let own = try succeeding(["evaluate", run.run, "--json", "--threads", "1"] + run.data.options).json()
    let theirs = try succeeding(["evaluate", file, "--json", "--threads", "1"] + run.data.options).json()
    #expect(own["top1"] as? Double == theirs["top1"] as? Double)
  }

  @Test func `ONNX goes out in float16, and for other opsets`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let export = ["export", run.run, "--to", "onnx", "--output"]
    try succeeding(export + [folder["whole.onnx"], "--opset", "13"])
    try succeeding(export + [folder["half.onnx"], "--opset", "21", "--precision", "float16"])
    let (whole, half) = (try contents(of: folder["whole.onnx"]).count, try contents(of: folder["half.onnx"]).count)
    #expect(half * 10 < whole * 6, "\(half) of \(whole)")
    let verify = ["verify", folder["whole.onnx"], folder["half.onnx"], "--threads", "1"] + run.data.options
    try succeeding(verify)
    #expect(try thresh(verify + ["--tolerance", "1e-7"]).status == Status.proof)
    // What was read as float16 stays it.
    try succeeding(["export", folder["half.onnx"], "--to", "onnx", "--output", folder["again.onnx"]])
    #expect(try contents(of: folder["again.onnx"]).count < half * 11 / 10)
    expectRefusal(
      try thresh(export + [folder["x.onnx"], "--opset", "12"]), Status.recipe, ["--opset is 12", "13 to 21"])
    let pytorch = ["export", run.run, "--to", "pytorch", "--output", folder["x.py"], "--precision", "float16"]
    expectRefusal(try thresh(pytorch), Status.recipe, ["--precision is for onnx and coreml"])
  }

  @Test func `an ONNX network is trained on, its batch norms folded or not`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let file = folder["folded.onnx"]
    try succeeding(["export", run.run, "--to", "onnx", "--fold-batch-norm", "--output", file])
    try succeeding(
      ["train", "--model", file, "--epochs", "1", "--lr", "0.01", "--nuclear", "0", "--group", "0", "--threads", "1"]
        + run.data.options + ["--output", folder["run"]])
    let layers = try ModelFile(folder["run/last.safetensors"]).architecture["nodes"] as? [[String: Any]]
    // A training puts batch norms back.
    #expect(try #require(layers).contains { $0["batchNorm"] != nil })
  }

  @Test func `two networks that are not the same are told apart`() throws {
    let (dec3, lenet) = (try TrainedRun.dec3.get(), try TrainedRun.lenet.get())
    let folder = try TemporaryFolder()
    try succeeding(["compress", lenet.run, "--energy", "0.5", "--output", folder["half.safetensors"]])
    let outcome = try thresh(["verify", lenet.run, folder["half.safetensors"]])
    #expect(outcome.status == Status.proof && outcome.errors.contains("outputs differ"), "\(outcome)")
    expectRefusal(
      try thresh(["export", dec3.run, "--to", "pytorch", "--output", "small.txt"]), Status.output, [".py"])
    expectRefusal(
      try thresh(["export", dec3.run, "--to", "word", "--output", "small.txt"]), Status.usage, ["--to"])
  }

  @Test func `an export to PyTorch replaces its own files and nobody else's`() throws {
    let folder = try TemporaryFolder()
    let export = ["export", try TrainedRun.lenet.get().run, "--to", "pytorch", "--output", folder["small.py"]]
    try folder.write("somebody's", "small.weights.safetensors")
    expectRefusal(try thresh(export), Status.output, ["small.weights.safetensors", "exists already"])
    #expect(try contents(of: folder["small.weights.safetensors"]) == Data("somebody's".utf8))
    try FileManager.default.removeItem(atPath: folder["small.weights.safetensors"])
    // Nor the model's own file, which is likely to have the module's name.
    try folder.write("the model", "small.safetensors")
    for _ in 0..<2 { try succeeding(export) }
    #expect(try contents(of: folder["small.safetensors"]) == Data("the model".utf8))
    let module = String(decoding: try contents(of: folder["small.py"]), as: UTF8.self)
    for line in ["MEAN = (", "STD = (", "CLASSES = ["] { #expect(module.contains("\n" + line), "\(module)") }
  }

  @Test func `a file that says it is ONNX and is not is refused`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("no model", "x.onnx")
    expectRefusal(try thresh(["inspect", file]), Status.file, ["not an ONNX file"])
    expectRefusal(
      try thresh(["inspect", "resnet20", "--weights", try folder.write("no zip", "x.pth")]), Status.file,
      ["no checkpoint"])
  }
}
