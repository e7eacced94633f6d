import Foundation
import Testing

/// The whole path from images to a small network, through the command line.
struct EndToEndTests {
  @Test func `a run's folder holds the recipe, the metrics, the models and the optimiser's state`() throws {
    let run = try TrainedRun.dec3.get()
    let files = [
      "best.safetensors", "compact.safetensors", "events.out.tfevents", "finetune", "finetune/best.safetensors",
      "finetune/events.out.tfevents", "finetune/last.safetensors", "finetune/metrics.jsonl",
      "finetune/optimizer.safetensors", "last.safetensors",
      "metrics.jsonl", "optimizer.safetensors", "recipe.yaml", "result.json",
    ]
    #expect(run.folder.contents() == ["run"] + files.map { "run/\($0)" })
  }

  @Test func `train prints the path of its result and nothing else on standard output`() throws {
    let run = try TrainedRun.dec3.get()
    #expect(run.outcome.output == run.run + "/compact.safetensors\n")
  }

  @Test func `metrics hold loss, accuracy, rate and the state of every layer at each evaluation`() throws {
    let lines = try metrics(try TrainedRun.dec3.get().run + "/metrics.jsonl")
    #expect(lines.map { $0["epoch"] as? Int } == [1, 2, 3])
    for line in lines {
      for key in ["learning_rate", "seconds", "training_loss", "training_top1"] { #expect(line[key] is Double) }
      let validation = try #require(line["validation"] as? [String: Any])
      #expect(Set(validation.keys) == ["images", "loss", "top1"])
      let layers = try #require(line["layers"] as? [[String: Any]])
      #expect(layers.count == 7)
      let keys: Set = ["name", "rank", "planned_rank", "energy", "units", "active_units", "singular_values"]
      #expect(layers.allSatisfy { Set($0.keys) == keys })
    }
  }

  @Test func `an ordinary training learns what is drawn`() throws {
    let run = try TrainedRun.lenet.get()
    let result = try succeeding(["evaluate", run.run, "--json", "--threads", "1"] + run.data.options).json()
    #expect(try #require(result["top1"] as? Double) > 60)
  }

  @Test func `evaluate prints exactly top1 and top5 in percent, loss and images`() throws {
    let run = try TrainedRun.lenet.get()
    let result = try succeeding(["evaluate", run.run, "--json", "--threads", "1"] + run.data.options).json()
    #expect(Set(result.keys) == ["images", "loss", "top1", "top5"])
    #expect(result["images"] as? Int == 100)
  }

  @Test func `inspect prints parameters, MACs and the layers with shape, rank, singular values and units`() throws {
    let report = try succeeding(["inspect", try TrainedRun.lenet.get().run, "--json"]).json()
    #expect(report["parameters"] as? Int == 61_706)
    #expect(report["macs"] as? Int == 416_520)
    let layers = try #require(report["layers"] as? [[String: Any]])
    #expect(layers.map { $0["name"] as? String } == ["conv1", "conv2", "fc1", "fc2", "fc3"])
    for layer in layers {
      let keys = Set(layer.keys)
      #expect(keys.isSuperset(of: ["name", "shape", "rank", "singular_values", "units", "zero_units"]))
      #expect((layer["singular_values"] as? [Double])?.isEmpty == false)
    }
    #expect(layers[1]["shape"] as? [Int] == [16, 6, 5, 5])
    #expect(layers[1]["units"] as? Int == 16)
  }

  @Test(arguments: [["--parameters", "0.5"], ["--parameters", "0.5", "--macs", "0.25"]])
  func `compress to a size keeps at most that share and writes a file that needs no architecture`(
    size: [String]
  ) throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let small = folder["small.safetensors"]
    let figures = try succeeding(
      ["compress", run.run + "/last.safetensors", "--json", "--output", small] + size
    ).json()
    func count(_ key: String) throws -> Int { try #require(figures[key] as? Int) }
    let kept = try count("parameters")
    #expect(try 2 * kept <= count("dense_parameters"))
    if size.contains("--macs") { #expect(try 4 * count("macs") <= count("dense_macs")) }
    let report = try succeeding(["inspect", small, "--json"]).json()
    #expect(report["parameters"] as? Int == kept)
    let result = try succeeding(["evaluate", small, "--json", "--threads", "1"] + run.data.options).json()
    #expect(result["images"] as? Int == 100)
  }

  @Test func `compress does not ask for the device that a run was trained on`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    var model = try ModelFile(run.run + "/best.safetensors")
    let recipe = try #require(model.metadata["recipe"])
    model.metadata["recipe"] = recipe.replacingOccurrences(of: "device: cpu", with: "device: cuda:7")
    #expect(model.metadata["recipe"] != recipe)
    try folder.write(model.bytes(), "cuda.safetensors")
    _ = try succeeding(
      ["compress", folder["cuda.safetensors"], "--parameters", "0.5", "--output", folder["small.safetensors"]])
  }

  @Test func `compress tells the accuracy after every stage and fine-tunes when asked`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let small = folder["tuned.safetensors"]
    let figures = try succeeding(
      ["compress", run.run + "/last.safetensors", "--parameters", "0.4", "--finetune-epochs", "1", "--json"]
        + run.data.options + ["--threads", "1", "--output", small]
    ).json()
    let stages = try #require(figures["stages"] as? [[String: Any]])
    #expect(stages.map { $0["name"] as? String } == ["dense", "compact", "recalibrated", "finetuned"])
    #expect((figures["test"] as? [String: Any])?["images"] as? Int == 100)
  }

  @Test func `a run learns from a teacher, which has to know the same classes`() throws {
    let teacher = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let options =
      ["train", "--model", "lenet5", "--epochs", "1", "--distillation", "0.5", "--threads", "1"] + teacher.data.options
    _ = try succeeding(options + ["--teacher", teacher.run, "--output", folder["run"]])
    let recipe = String(decoding: try contents(of: folder["run/recipe.yaml"]), as: UTF8.self)
    #expect(recipe.contains("weight: 0.5") && recipe.contains("teacher: \(teacher.run)"))
    var other = try ModelFile(teacher.run + "/best.safetensors")
    other.metadata["classes"] = other.metadata["classes"]?.replacingOccurrences(of: "Bag", with: "Bug")
    try folder.write(other.bytes(), "other.safetensors")
    expectRefusal(
      try thresh(options + ["--teacher", folder["other.safetensors"], "--output", folder["none"]]), Status.network,
      ["the teacher", "other classes"])
  }

  @Test func `a training goes on with a network of the size asked for, or refuses one that cannot be`() throws {
    let data = try TinyImages.shared.get()
    let folder = try TemporaryFolder()
    let options =
      ["train", "--model", "lenet5", "--epochs", "2", "--nuclear", "0", "--group", "0", "--compact-at", "1"]
      + ["--threads", "1"] + data.options
    let trained = try succeeding(options + ["--macs", "0.4", "--output", folder["run"]])
    #expect(trained.errors.contains("train smaller after epoch 1"))
    let report = try succeeding(["inspect", folder["run"], "--json"]).json()
    let figures = try #require(report["figures"] as? [String: Double])
    let (macs, dense) = (try #require(report["macs"] as? Int), try #require(figures["dense_macs"]))
    #expect(Double(macs) <= 0.4 * dense, "\(macs) of \(dense)")
    let refused = try thresh(options + ["--parameters", "0.0001", "--output", folder["none"]])
    expectRefusal(refused, Status.plan, ["parameters cannot be cut to 0.0001", "ask for"])
    #expect(!refused.errors.contains("train 1/2"))
  }

  @Test func `a fine-tuning that makes the network worse is told and not kept`() throws {
    let run = try TrainedRun.dec3.get()
    let folder = try TemporaryFolder()
    let options =
      ["compress", run.run + "/last.safetensors", "--parameters", "0.8", "--json", "--threads", "1"] + run.data.options
    let before = try succeeding(options + ["--output", folder["a.safetensors"]]).json()
    let tuned = try succeeding(
      options + ["--finetune-epochs", "1", "--lr", "30", "--output", folder["b.safetensors"]])
    #expect(tuned.errors.contains("warning: fine-tuning made the network worse"))
    let kept = try #require(try tuned.json()["test"] as? [String: Any])
    #expect(kept["top1"] as? Double == (before["test"] as? [String: Any])?["top1"] as? Double)
  }

  @Test func `the compact network of a run is as small as asked and its file says what it reached`() throws {
    let run = try TrainedRun.dec3.get()
    let report = try succeeding(["inspect", run.run, "--json"]).json()
    let figures = try #require(report["figures"] as? [String: Double])
    let result = try JSONSerialization.jsonObject(with: contents(of: run.run + "/result.json")) as? [String: Any]
    let test = try #require(result?["test"] as? [String: Any])
    #expect(figures["top1"] == test["top1"] as? Double)
    #expect(try #require(report["parameters"] as? Int) * 10 <= 3 * (try #require(result?["dense_parameters"] as? Int)))
    #expect(try ModelFile(run.run + "/compact.safetensors").metadata["plan"] != nil)
  }

  @Test func `predict names the most probable classes of an image`() throws {
    let run = try TrainedRun.lenet.get()
    let outcome = try succeeding(["predict", run.run, photograph("tiny.png"), "--top", "3", "--json"])
    let found = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
    let classes = try #require(found.first?["classes"] as? [[String: Any]])
    #expect(found.count == 1 && classes.count == 3)
    let probabilities = classes.compactMap { $0["probability"] as? Double }
    #expect(probabilities == probabilities.sorted(by: >) && probabilities[0] <= 1)
  }

  @Test func `plot draws a run with its fine-tuning, and several into one`() throws {
    let folder = try TemporaryFolder()
    let runs = [try TrainedRun.dec3.get().run, try TrainedRun.lenet.get().run]
    for (chosen, titles) in [([runs[0]], ["accuracy", "made compact", "block3.conv_h"]), (runs, ["2 runs"])] {
      let outcome = try succeeding(["plot"] + chosen + ["--output", folder["plot.svg"]])
      #expect(outcome.output == folder["plot.svg"] + "\n")
      let svg = String(decoding: try contents(of: folder["plot.svg"]), as: UTF8.self)
      #expect(titles.allSatisfy(svg.contains))
    }
  }

  @Test func `a run's page has its summary, and the singular values of the layers that are asked for`() throws {
    let folder = try TemporaryFolder()
    let run = try TrainedRun.dec3.get().run
    func drawn(_ options: [String]) throws -> String {
      try succeeding(["plot", run, "--output", folder["plot.svg"]] + options)
      return String(decoding: try contents(of: folder["plot.svg"]), as: UTF8.self)
    }
    let summary = try drawn([])
    for word in ["test images: ", "predicted size", "strength of the regulariser", "parameters: ", "MACs: "] {
      #expect(summary.contains(word), "\(word)")
    }
    #expect(!summary.contains("singular values") && !summary.contains(folder.path))
    let layers = try drawn(["--layers", "block3.*"])
    #expect(layers.ranges(of: ">singular values<").count == 2)
    expectRefusal(
      try thresh(["plot", run, "--layers", "block3.conv_x", "--output", folder["plot.svg"]]), Status.recipe,
      ["did you mean"])
  }

  @Test func `runs are called by what tells their paths apart`() throws {
    let folder = try TemporaryFolder()
    let run = try TrainedRun.lenet.get().run
    for name in ["a/run", "b/run"] {
      try FileManager.default.createDirectory(
        atPath: folder[String(name.prefix(1))], withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: run, toPath: folder[name])
    }
    try succeeding(["plot", folder["a/run"], folder["b/run"], "--output", folder["plot.svg"]])
    let svg = String(decoding: try contents(of: folder["plot.svg"]), as: UTF8.self)
    #expect(svg.contains(">2 runs: a, b<") && svg.contains(">a<") && svg.contains(">b<"))
  }

  @Test func `plot says what is wrong with a folder or a line`() throws {
    let folder = try TemporaryFolder()
    expectRefusal(try thresh(["plot", folder.path]), Status.file, ["no metrics.jsonl"])
    try folder.write(Array("{\"epoch\":".utf8), "metrics.jsonl")
    expectRefusal(try thresh(["plot", folder.path]), Status.file, ["no metrics.jsonl"])
    try folder.write(Array("{}\n".utf8), "metrics.jsonl")
    expectRefusal(try thresh(["plot", folder.path]), Status.file, ["line 1 of", "metrics.jsonl"])
    expectRefusal(
      try thresh(["plot", folder.path, "--output", folder["none/plot.svg"]]), Status.output, ["does not exist"])
  }

  @Test(arguments: ["train", "compress", "evaluate", "inspect", "predict", "plot", "demo", "calibrate"])
  func `every command's help has an example`(command: String) throws {
    let help = try succeeding([command, "--help"])
    #expect(help.output.contains("Example"))
    #expect(help.output.contains("thresh \(command) "))
    #expect(help.errors.isEmpty)
  }

  @Test func `the help of thresh itself has an example`() throws {
    #expect(try succeeding(["--help"]).output.contains("thresh train --model"))
  }
}

/// The lines of a `metrics.jsonl`.
func metrics(_ path: String) throws -> [[String: Any]] {
  try String(decoding: contents(of: path), as: UTF8.self).split(separator: "\n").map { line in
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }
}
