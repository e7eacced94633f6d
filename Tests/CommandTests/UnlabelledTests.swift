import Foundation
import Testing

/// Networks that give anything, compressed with images without labels.
@Suite struct UnlabelledTests {
  private let folder: TemporaryFolder
  private let files: ForeignFiles
  private var images: String { files.folder["images"] }

  init() throws {
    folder = try TemporaryFolder()
    files = try ForeignFiles.shared.get()
  }

  private func compress(_ options: [String]) -> [String] {
    ["compress", files["several"], "--macs", "0.5", "--threads", "1"] + options
  }

  /// Notes may come before the sentence.
  private func expectFailure(_ command: [String], _ words: [String]) throws {
    let outcome = try thresh(command)
    #expect(outcome.status != 0 && !outcome.wasKilled && outcome.errorLines.last?.hasPrefix("thresh: ") == true)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
  }

  @Test func `every output is learnt, written under its name, and told before and after`() throws {
    let output = folder["small.onnx"]
    let outcome = try succeeding(
      compress(
        ["--images", images, "--finetune-epochs", "2", "--lr", "0.001", "--color-jitter", "0.2", "--crop", "resized"]
          + ["--output", output, "--json"]))
    for words in ["map is learnt as the probabilities of 3 classes", "vector is learnt by its values"] {
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }
    let figures = try outcome.json()
    let stages = try #require(figures["stages"] as? [[String: Any]])
    #expect(stages.compactMap { $0["name"] as? String } == ["compact", "finetuned"])
    let test = try #require(figures["test"] as? [String: Any])
    #expect(test["top1"] == nil && test["images"] as? Int == 5)
    let outputs = try #require(test["outputs"] as? [[String: Any]])
    #expect(outputs.compactMap { $0["name"] as? String } == ["map", "vector", "deep"])
    #expect(outputs.allSatisfy { $0["relative_error"] is Double } && outputs[0]["agreement"] is Double)
    #expect(outputs[1]["agreement"] == nil)
    // What is written is read with all its outputs, and stays so when it is written again.
    try succeeding(["verify", output, output])
    try succeeding(["export", output, "--to", "onnx", "--output", folder["again.onnx"]])
    try succeeding(["verify", output, folder["again.onnx"]])
    try succeeding(["export", output, "--to", "pytorch", "--output", folder["again.py"]])
    #expect(try succeeding(["inspect", output]).output.contains("gives map 3×32×32, vector 16, deep 16×32×32"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.contains("small.onnx") && names.contains("small.onnx.finetune"))
  }

  @Test func `a detector keeps its end, an input beside the images is a number, and images are not cut`() throws {
    let output = folder["small.onnx"]
    let command = ["compress", files["detector"], "--images", images, "--macs", "0.8", "--threads", "1"]
    try expectFailure(
      command + ["--output", output], ["needs 2 inputs (image (1 × 3 × 24 × 40), scale)", "(--input)"])
    let outcome = try succeeding(command + ["--input", "scale=2", "--no-crop", "--output", output])
    #expect(outcome.errors.contains("ends in NonMaxSuppression: its last"), "\(outcome.errors)")
    #expect(outcome.output.contains("boxes") && outcome.output.contains("scores"), "\(outcome.output)")
    // The number is in the file from then on, and so is how images are made to fit.
    #expect(try succeeding(["inspect", output]).output.contains("gives boxes 960×4, scores 2×960"))
    let again = try succeeding(["compress", output, "--images", images, "--macs", "0.9", "--output", folder["b.onnx"]])
    #expect(again.errors.contains("ends in NonMaxSuppression"))
    try expectFailure(
      ["export", output, "--to", "pytorch", "--output", folder["x.py"]], ["NonMaxSuppression", "write it as ONNX"])
    try expectFailure(
      ["compress", files["detector"], "--input", "scale", "--output", output, "--macs", "0.9"],
      ["--input", "name=number"])
    try expectFailure(
      ["compress", files["several"], "--no-crop", "--output", output, "--macs", "0.9"], ["--no-crop", "give --images"])
  }

  @Test func `in a terminal it is told how far each output is from the original's`() throws {
    let output = try succeeding(
      compress(["--images", images, "--output", folder["small.safetensors"], "--scores", "vector"])
    ).output
    for words in ["same class", "signal to noise", "vector", "test          error"] {
      #expect(output.contains(words), "\(output)")
    }
    let plan = try succeeding(
      ["plan", files["maps"], "--macs", "0.7", "--images", images, "--threads", "1"])
    #expect(plan.output.contains("activations"))
  }

  @Test func `what needs classes refuses a network that has none`() throws {
    let data = files.data
    for command in [
      ["evaluate", files["maps"]] + data, ["predict", files["maps"], files.image],
      ["train", "--model", files["maps"], "--output", folder["run"]] + data,
      ["compress", files["maps"], "--macs", "0.5", "--output", folder["x"]] + data,
    ] { try expectFailure(command, ["tells no classes apart", "map 3×32×32", "--images"]) }
    try expectFailure(
      ["export", files["maps"], "--to", "coreml", "--output", folder["x.mlpackage"]], ["gives no classes", "ONNX"])
    #expect(folder.contents().isEmpty)
  }

  @Test func `options that do not go together are refused`() throws {
    let output = ["--output", folder["x.onnx"]]
    for (options, words) in [
      (["--images", images] + files.data, ["--images have no labels"]),
      (["--scores", "map"], ["give --images too"]),
      (["--images", images, "--teacher", files["plain"]], ["leave --teacher out"]),
      (["--images", images, "--new-head", "--finetune-epochs", "1"], ["leave --new-head out"]),
      (["--images", images, "--scores", "none"], ["names none of the outputs", "map, vector, deep"]),
      (["--images", images, "--max-drop", "1"], ["--max-drop", "--data"]),
      (["--images", folder["nowhere"]], ["nowhere"]),
    ] { try expectFailure(compress(options + output), words) }
    try expectFailure(compress(["--images", images, "--output", folder["x.py"]]), ["thresh export"])
    #expect(folder.contents().isEmpty)
  }

  @Test func `a score of the user's own is told before and after, and can be the target`() throws {
    let output = folder["small.onnx"]
    // The size of the file: anything that is a number will do.
    let scored = ["--images", images, "--score", "wc -c < {model}", "--output", output, "--json"]
    let figures = try succeeding(compress(scored + ["--finetune-epochs", "2"])).json()
    let scores = try #require(figures["scores"] as? [String: Any])
    let (given, compact) = (try #require(scores["given"] as? Double), try #require(scores["compact"] as? Double))
    #expect(given > compact && scores["finetuned"] is Double)
    let metrics = String(decoding: try contents(of: output + ".finetune/metrics.jsonl"), as: UTF8.self)
    #expect(metrics.split(separator: "\n").allSatisfy { $0.contains("\"score\":") })
    let search = try succeeding(
      ["compress", files["several"], "--threads", "1", "--max-drop", "\(given)", "--by", "parameters"] + scored)
    #expect(search.errors.contains("score") && search.errors.contains("enough is kept"), "\(search.errors)")
  }

  @Test func `a score command that fails, hangs or prints text is a sentence, and nothing is lost`() throws {
    let output = folder["small.onnx"]
    for (command, options, words) in [
      ("python3 score.py", [], ["{model}"]), ("echo good # {model}", [], ["\"good\"", "a number"]),
      ("echo no >&2; exit 3 # {model}", [], ["status 3: no"]), ("true # {model}", [], ["nothing"]),
      ("sleep 60 | cat {model} -", ["--score-timeout", "1"], ["longer than 1 seconds"]),
    ] {
      try expectFailure(compress(["--images", images, "--score", command, "--output", output] + options), words)
      #expect(folder.contents().isEmpty)
    }
    // One that fails on the compact network leaves that.
    let stamp = folder["stamp"]
    let second = "test -e \(stamp) && exit 3; touch \(stamp); echo mAP: 0.5 # {model}"
    try expectFailure(compress(["--images", images, "--score", second, "--output", output]), ["status 3"])
    try succeeding(["inspect", output])
  }

  @Test func `Ctrl-C ends a score command too`() throws {
    let started = folder["started"]
    let program = try Program(
      compress(
        ["--images", images, "--score", "sleep 600 & echo $! > \(started); wait # {model}", "--output"]
          + [folder["small.onnx"]]))
    func identifier() -> Int32? {
      (try? contents(of: started)).flatMap {
        Int32(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .newlines))
      }
    }
    while program.isRunning, identifier() == nil { Thread.sleep(forTimeInterval: 0.02) }
    let sleeping = try #require(identifier())
    program.send(SIGINT)
    #expect(try program.wait().status == Status.stopped)
    // A process that was killed may wait a moment for whoever buries it.
    let end = Date().addingTimeInterval(60)
    func isAlive() -> Bool {
      guard let status = try? String(contentsOfFile: "/proc/\(sleeping)/stat", encoding: .utf8) else { return false }
      return !status.contains(") Z ")
    }
    while isAlive(), Date() < end { Thread.sleep(forTimeInterval: 0.02) }
    #expect(!isAlive())
  }
}
