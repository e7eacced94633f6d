import Foundation
import Testing

/// Classifiers of other programs from the command line: what their files leave open is told, asked for, or said.
struct ForeignFileTests {
  private func evaluate(_ name: String, _ options: [String] = []) throws -> (figures: [String: Double], said: String) {
    let files = try ForeignFiles.shared.get()
    let outcome = try succeeding(["evaluate", files[name], "--json", "--threads", "1"] + files.data + options)
    let json = try outcome.json()
    return (json.compactMapValues { $0 as? Double }, outcome.errors)
  }

  @Test(arguments: [
    ("inside", "normalises its images itself", []), ("bytes", "reads whole numbers", []), ("softmax", "ImageNet's", []),
    ("sigmoid", "ends in Sigmoid", []), ("half", "holds float16", []), ("free", "32×32", ["--image-size", "32"]),
    ("two", "ImageNet's", ["--output-name", "classes"]),
  ])
  func `one classifier, written in many ways, is as good in each`(
    name: String, word: String, options: [String]
  ) throws {
    let (plain, found) = (try evaluate("plain"), try evaluate(name, options))
    #expect(plain.figures["top1"] == 100 && found.figures["top1"] == 100)
    #expect(abs(try #require(plain.figures["loss"]) - #require(found.figures["loss"])) < 1e-3)
    #expect(found.said.contains(word), "\(found.said)")
  }

  @Test func `what a file leaves open and no one can guess is asked for`() throws {
    let files = try ForeignFiles.shared.get()
    let rest = ["--threads", "1"] + files.data
    for (name, words) in [
      ("two", ["aux (N × 3), classes (N × 3)", "--output-name"]),
      ("free", ["photograph (N × 3 × ? × ?)", "--image-size"]),
      ("quantised", ["is quantised", "DynamicQuantizeLinear"]),
    ] { expectRefusal(try thresh(["evaluate", files[name]] + rest), Status.file, words) }
    let folder = try TemporaryFolder()
    for command in [
      ["inspect"], ["export", "--to", "onnx", "--output", folder["x"]], ["calibrate", "--batch-size", "1"],
      ["compress", "--output", folder["x"]],
    ] {
      let words = [command[0], files["two"]] + command.dropFirst()
      expectRefusal(try thresh(words), Status.file, ["--output-name"])
    }
    expectRefusal(try thresh(["verify", files["two"], files["plain"]]), Status.file, ["--output-name"])
    expectRefusal(try thresh(["predict", files["free"], files.image]), Status.file, ["--image-size"])
    expectRefusal(
      try thresh(["train", "--model", files["two"], "--output", folder["run"]] + rest), Status.file, ["--output-name"])
    #expect(folder.contents().isEmpty)
    try succeeding(["inspect", files["two"], "--output-name", "classes"])
    try succeeding(["verify", files["two"], files["plain"], "--output-name", "classes"])
    try succeeding(["predict", files["free"], files.image, "--image-size", "32"])
    // A size that is fixed in the file may still be another, where the network pools globally.
    #expect(
      try succeeding(["inspect", files["plain"], "--image-size", "64"]).errors.contains("and reads 64×64 now"))
  }

  @Test func `a mean and standard deviation are taken in every command and kept in what is written`() throws {
    let files = try ForeignFiles.shared.get()
    let folder = try TemporaryFolder()
    // Apart or with commas, before or behind the file.
    let given = try evaluate("plain", ["--mean", "0.5", "0.4", "0.3", "--std", "0.2"])
    #expect(!given.said.contains("ImageNet"))
    let own = ["--mean", "0.5,0.4,0.3", "--std", "0.2,0.2,0.2"]
    try succeeding(["compress"] + own + [files["plain"], "--energy", "1", "--output", folder["small.safetensors"]])
    try succeeding(["export"] + own + [files["plain"], "--to", "onnx", "--output", folder["out.onnx"]])
    try succeeding(
      [
        "train", "--model", files["plain"], "--epochs", "0", "--no-restore-batch-norm", "--nuclear", "0", "--group",
        "0",
      ]
        + ["--threads", "1", "--validation", "0.2", "--output", folder["run"]] + files.data + own)
    for file in ["small.safetensors", "out.onnx", "run"] {
      let outcome = try succeeding(["evaluate", folder[file], "--json", "--threads", "1"] + files.data)
      #expect(try outcome.json()["loss"] as? Double == given.figures["loss"], "\(file)")
      #expect(!outcome.errors.contains("ImageNet"))
    }
    let recipe = String(decoding: try contents(of: folder["run/recipe.yaml"]), as: UTF8.self)
    #expect(recipe.contains("mean:\n") && recipe.contains("std:\n"), "\(recipe)")
    // They come before what the model itself says.
    let replaced = try succeeding(
      [
        "evaluate", folder["run"], "--json", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "--threads",
        "1",
      ]
        + files.data)
    #expect(replaced.errors.contains("override those"))
    #expect(abs(try #require(replaced.json()["loss"] as? Double) - #require(evaluate("plain").figures["loss"])) < 1e-6)
  }

  @Test(arguments: [
    ["--mean", "123.7,116.3,103.5", "--std", "58.4,57.1,57.4"], ["--mean", "0.5"], ["--mean", "0.5", "--std", "0"],
  ])
  func `means of raw pixels, or without a deviation, are refused`(options: [String]) throws {
    let files = try ForeignFiles.shared.get()
    expectRefusal(try thresh(["inspect", files["plain"]] + options), Status.recipe, ["--"])
  }

  @Test func `predictions are the probabilities of the file`() throws {
    let files = try ForeignFiles.shared.get()
    func best(_ name: String) throws -> String {
      try succeeding(["predict", files[name], files.image, "--top", "3"]).output
    }
    #expect(try best("softmax") == (try best("plain")).replacing(files["plain"], with: files["softmax"]))
    // A sigmoid's do not sum to one.
    let own = try best("sigmoid")
    #expect(own.contains("class 2 88.1 %"), "\(own)")
  }
}

/// Images of three classes and a classifier that is right about them in many kinds of file, written by other programs.
struct ForeignFiles {
  static let shared = Result { try ForeignFiles() }

  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments = [root.appending(path: "Tests/Interop/exchange.py").path, "foreign", folder.path]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "OMP_NUM_THREADS": "1"]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  subscript(_ name: String) -> String { folder["\(name).onnx"] }

  var data: [String] { ["--data", folder["images"]] }

  var image: String { folder["images/test/bright/0.png"] }
}
