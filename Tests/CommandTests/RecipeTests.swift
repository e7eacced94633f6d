import Foundation
import Testing

/// Recipes: what a run keeps, and what is refused.
struct RecipeTests {
  private func train(_ options: [String], output: String) throws -> Outcome {
    try thresh(["train"] + options + (try TinyImages.shared.get().options) + ["--threads", "1", "--output", output])
  }

  /// The value of a key in a recipe, whatever its section.
  private func value(_ key: String, in path: String) throws -> String? {
    let lines = String(decoding: try contents(of: path), as: UTF8.self).split(separator: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    return lines.first { $0.hasPrefix(key + ":") }.map {
      $0.dropFirst(key.count + 1).trimmingCharacters(in: .whitespaces)
    }
  }

  @Test func `a run's recipe is resolved and gives the same run again`() throws {
    let run = try TrainedRun.lenet.get()
    let again = run.folder["again"]
    defer { try? FileManager.default.removeItem(atPath: again) }
    for key in ["momentum", "weight-decay", "nesterov", "order", "energy", "seed", "precision"] {
      #expect(try value(key, in: run.run + "/recipe.yaml") != nil)
    }
    try succeeding(["train", "--recipe", run.run + "/recipe.yaml", "--output", again])
    for name in ["recipe.yaml", "last.safetensors", "best.safetensors", "result.json"] {
      #expect(try contents(of: "\(again)/\(name)") == contents(of: "\(run.run)/\(name)"), "\(name) differs")
    }
  }

  @Test
  func
    `fine-tuning goes at the rate that was resolved for the network, and pretrained weights by the plan that suits them`()
    throws
  {
    let folder = try TemporaryFolder()
    let options = ["--finetune-epochs", "2", "--parameters", "0.5"]
    let random = try train(["--model", "lenet5", "--epochs", "1"] + options, output: folder["random"])
    try #require(random.status == 0, "\(random.errors)")
    #expect(try value("allocation", in: folder["random/recipe.yaml"]) == "uniform")
    // Without batch norm 0.02, half way down a cosine.
    let rate = try metrics(folder["random/finetune/metrics.jsonl"])[0]["learning_rate"] as? Double
    #expect(abs(try #require(rate) - 0.01) < 1e-6)
    let given = try train(
      ["--model", folder["random/last.safetensors"], "--epochs", "1"] + options, output: folder["given"])
    try #require(given.status == 0, "\(given.errors)")
    #expect(try value("allocation", in: folder["given/recipe.yaml"]) == "global")
    // Only pretrained weights are cut by activations; the plan stands in the file's header.
    func header(_ run: String) throws -> String {
      String(decoding: try contents(of: folder["\(run)/compact.safetensors"]), as: UTF8.self)
    }
    #expect(try header("given").contains("activationImages") && !header("random").contains("activationImages"))
    // What the run's recipe says holds for a plan made of it later.
    func widths(_ options: [String]) throws -> [String: Int] {
      let command = ["plan", folder["given/last.safetensors"], "--parameters", "0.4", "--json"]
      return try #require(try succeeding(command + options).json()["widths"] as? [String: Int])
    }
    #expect(try widths([]) == widths(["--allocation", "global"]))
    #expect(try widths([]) != widths(["--allocation", "uniform"]))
  }

  @Test func `options come before the recipe's file`() throws {
    let folder = try TemporaryFolder()
    let recipe = try folder.write(
      "model: {name: lenet5}\ntraining: {epochs: 50, seed: 7}\nregularizer: {nuclear: 0, group: 0}\n", "recipe.yaml")
    let outcome = try train(["--recipe", recipe, "--epochs", "1"], output: folder["run"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try value("epochs", in: folder["run/recipe.yaml"]) == "1")
    #expect(try value("seed", in: folder["run/recipe.yaml"]) == "7")
    #expect(try metrics(folder["run/metrics.jsonl"]).count == 1)
  }

  @Test(arguments: [
    ("epoch: 3", ["epoch", "did you mean epochs?"]),
    ("training: {weight-deacy: 0}", ["did you mean weight-decay?"]), ("epochs: 3", ["write it as epochs in training"]),
    ("zzz: 1", ["unknown key zzz"]), ("training: {epochs: many}", ["epochs"]),
    ("training: {epochs: 99999999999999999999}", ["epochs"]), ("training: 5", ["training is no list"]),
    ("regularizer: {skip: 5}", ["skip"]), ("epochs: [3", ["is not YAML"]), ("just words", ["key: value"]),
    ("[1, 2]: 3", ["unknown key"]), ("training:\n  epochs: 1\n  epochs: 2", ["epochs"]),
    ("regularizer: {proximal-every: -5}", ["proximal-every"]), ("regularizer: {order: sideways}", ["order"]),
    ("a: &a [1]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]", ["anchors"]), ("training: {lr: .nan}", ["--lr"]),
    ("data: {mean: [0.5]}", ["--mean"]), ("data: {std: [0], mean: [0]}", ["--std"]),
  ])
  func `a wrong recipe is refused in a sentence`(text: String, words: [String]) throws {
    let folder = try TemporaryFolder()
    let outcome = try train(["--recipe", try folder.write(text, "recipe.yaml")], output: folder["run"])
    expectRefusal(outcome, Status.recipe, words)
    #expect(!exists(folder["run"]))
  }

  @Test(arguments: ["[", "- ", "? ", "{a: "])
  func `a recipe nested ten thousand times is refused`(bracket: String) throws {
    let folder = try TemporaryFolder()
    let recipe = try folder.write("a: " + String(repeating: bracket, count: 10_000), "recipe.yaml")
    expectRefusal(try train(["--recipe", recipe], output: folder["run"]), Status.recipe)
  }

  @Test func `a recipe that is no text, a folder, a device, too large or not there is refused`() throws {
    let folder = try TemporaryFolder()
    let binary = try folder.write([0xFF, 0xFE, 0, 1], "binary.yaml")
    let large = try folder.write(String(repeating: "# much\n", count: 20_000), "large.yaml")
    for recipe in [binary, large, folder.path, "/dev/zero", folder["nowhere.yaml"]] {
      expectRefusal(try train(["--recipe", recipe], output: folder["run"]), Status.recipe)
    }
  }
}
