import Foundation
import Testing

/// Plans that are looked at, edited and given back.
struct PlanTests {
  private func model() throws -> String { try TrainedRun.dec3.get().run + "/last.safetensors" }

  /// A plan as `thresh plan --json` prints it.
  private func plan(_ options: [String] = ["--parameters", "0.5"]) throws -> [String: Any] {
    try succeeding(["plan", model(), "--json"] + options).json()
  }

  private func write(_ plan: [String: Any], _ folder: TemporaryFolder) throws -> String {
    try JSONSerialization.data(withJSONObject: plan).write(to: URL(filePath: folder["plan.json"]))
    return folder["plan.json"]
  }

  @Test func `plan shows every layer with what it becomes and why, and writes nothing`() throws {
    let run = try TrainedRun.dec3.get()
    let before = run.folder.contents()
    let table = try succeeding(["plan", model(), "--parameters", "0.5"]).output
    #expect(run.folder.contents() == before)
    for words in ["becomes", "loss", "dense: left out", "block2.conv_v", "parameters", "MACs"] {
      #expect(table.contains(words), "\(table)")
    }
    #expect(!table.contains("equality"))
  }

  @Test func `the plan is what compress does, and gives the same file when it is given back`() throws {
    let folder = try TemporaryFolder()
    let plan = try plan()
    let direct = try succeeding(
      ["compress", model(), "--parameters", "0.5", "--json", "--output", folder["direct.safetensors"]]
    ).json()
    #expect(NSDictionary(dictionary: plan).isEqual(direct["plan"]))
    let file = try write(plan, folder)
    let given = try succeeding(
      ["compress", model(), "--plan", file, "--json", "--output", folder["given.safetensors"]]
    ).json()
    #expect(given["parameters"] as? Int == direct["parameters"] as? Int)
    let files = try ["direct.safetensors", "given.safetensors"].map { try ModelFile(folder[$0]) }
    #expect(files[0].body == files[1].body)
  }

  @Test func `a rank that was edited is the rank of the file`() throws {
    let folder = try TemporaryFolder()
    var plan = try plan()
    var layers = try #require(plan["layers"] as? [[String: Any]])
    let index = try #require(layers.firstIndex { $0["name"] as? String == "block2.conv_v" })
    layers[index]["form"] = ["rank": 2, "decomposition": "kxk-1x1"]
    plan["layers"] = layers
    try succeeding(
      ["compress", model(), "--plan", write(plan, folder), "--output", folder["small.safetensors"]])
    let report = try succeeding(["inspect", folder["small.safetensors"], "--json"]).json()
    let inspected = try #require(report["layers"] as? [[String: Any]]).first {
      $0["name"] as? String == "block2.conv_v"
    }
    #expect(inspected?["factorized"] as? Bool == true && inspected?["rank"] as? Int == 2)
  }

  @Test func `a plan that does not fit is refused in a sentence before anything is written`() throws {
    let folder = try TemporaryFolder()
    let output = folder["small.safetensors"]
    func refuse(_ options: [String], _ status: Int32, _ words: [String]) throws {
      expectRefusal(try thresh(["compress", try model(), "--output", output] + options), status, words)
      #expect(!exists(output))
    }
    var plan = try plan()
    let file = try write(plan, folder)
    try refuse(["--plan", file, "--macs", "0.5"], Status.recipe, ["--plan replaces --macs"])
    try refuse(["--plan", file, "--skip", "linear"], Status.recipe, ["--plan replaces --skip"])
    try refuse(["--plan", folder["none.json"]], Status.file, ["none.json cannot be read"])
    try folder.write("{", "broken.json")
    try refuse(["--plan", folder["broken.json"]], Status.plan, ["broken.json holds no plan"])
    expectRefusal(
      try thresh(["compress", try TrainedRun.lenet.get().run, "--plan", file, "--output", output]), Status.plan,
      ["which the network has not"])
    plan["activation_images"] = 512
    try refuse(["--plan", write(plan, folder)], Status.recipe, ["--plan needs images", "--data"])
    #expect(!exists(output))
  }

  @Test func `options without sense are refused`() throws {
    expectRefusal(try thresh(["plan", model(), "--macs", "2"]), Status.recipe, ["--macs is 2"])
    expectRefusal(try thresh(["plan", model(), "--parameters", "0.0001"]), Status.plan, ["cannot be cut"])
    expectRefusal(try thresh(["plan", model(), "--basis", "activations"]), Status.recipe, ["--data"])
  }
}
