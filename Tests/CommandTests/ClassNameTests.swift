import Foundation
import Testing

/// A model's classes are found among a data set's by their names, whatever the order and number.
struct ClassNameTests {
  /// A network that tells three colours apart.
  private struct Trained {
    let photographs: TinyPhotographs
    let folder: TemporaryFolder
    var run: String { folder["run"] }

    static let colours = Result { try Trained() }

    private init() throws {
      photographs = try TinyPhotographs(["blush", "cactus", "deep"])
      folder = try TemporaryFolder()
      try succeeding(photographs.training(folder["run"]))
    }
  }

  private let trained: Trained
  private let folder: TemporaryFolder

  init() throws {
    trained = try Trained.colours.get()
    folder = try TemporaryFolder()
  }

  private func top1(_ model: String, on data: String) throws -> (Double, Outcome) {
    let outcome = try succeeding(["evaluate", model, "--data", data, "--json"])
    return (try #require(try outcome.json()["top1"] as? Double), outcome)
  }

  /// The run's model with its classes under other names.
  private func model(named classes: [String]) throws -> String {
    var file = try ModelFile(trained.run + "/best.safetensors")
    file.metadata["classes"] = String(decoding: try JSONEncoder().encode(classes), as: UTF8.self)
    return try folder.write(try file.bytes(), "named.safetensors")
  }

  @Test func `classes in another order are matched by name, and that is said`() throws {
    let (right, plain) = try top1(trained.run, on: trained.photographs.path)
    #expect(right == 100 && plain.errors.isEmpty, "\(plain)")
    // The model's outputs in the order c, a, b are the folder's a, b, c.
    let turned = try model(named: ["deep", "blush", "cactus"])
    let photographs = try TinyPhotographs(["deep", "blush", "cactus"])
    let (found, outcome) = try top1(turned, on: photographs.path)
    #expect(found == 100)
    #expect(outcome.errors.contains("photos has its classes in another order"))
    // Names on the wrong colours are wrong for every image, which matching by place would not notice.
    #expect(try top1(turned, on: trained.photographs.path).0 == 0)
  }

  @Test(arguments: ["evaluate", "compress", "verify", "train"])
  func `other classes, however many, are refused by name`(command: String) throws {
    let run = trained.run
    let arguments = [
      "evaluate": ["evaluate", run], "verify": ["verify", run, run],
      "compress": ["compress", run, "--output", folder["small.safetensors"]],
      "train": ["train", "--model", run, "--output", folder["run"]],
    ]
    for (names, words) in [
      (["blush", "cactus", "zinc"], ["does not know zinc", "lacks deep"]),
      (["blush", "cactus", "deep", "zinc"], ["does not know zinc"]), (["a", "b", "c"], ["does not know a, b, c"]),
    ] {
      let data = try TinyPhotographs(names)
      let outcome = try thresh(arguments[command, default: []] + ["--data", data.path])
      expectRefusal(outcome, Status.network, ["photos has other classes than the model"] + words)
    }
    #expect(folder.contents().isEmpty)
  }

  @Test func `some of a model's classes are evaluated by name, but not compressed with`() throws {
    let data = try TinyPhotographs(["blush", "cactus", "deep"])
    for part in ["train", "test"] { try FileManager.default.removeItem(atPath: data.path + "/\(part)/blush") }
    let (found, outcome) = try top1(trained.run, on: data.path)
    #expect(found == 100 && outcome.errors.contains("photos has 2 of the model's 3 classes, matched by name"))
    #expect(try outcome.json()["images"] as? Int == 8)
    let compressed = try thresh(
      ["compress", trained.run, "--data", data.path, "--output", folder["small.safetensors"]])
    expectRefusal(compressed, Status.network, ["the data lacks blush"])
  }

  @Test func `a model that only numbers its classes takes them by position and says so`() throws {
    let numbered = try model(named: ["class 0", "class 1", "class 2"])
    let (found, outcome) = try top1(numbered, on: trained.photographs.path)
    #expect(found == 100)
    #expect(
      outcome.errors.contains(
        "the model does not name its classes; they are taken in this order: blush, cactus, deep"))
    let more = try TinyPhotographs(["blush", "cactus", "deep", "zinc"])
    expectRefusal(try thresh(["evaluate", numbered, "--data", more.path]), Status.network, ["3 classes", "4 classes"])
  }

  @Test func `names that two classes share do not match, unless all are the same`() throws {
    let shared = try model(named: ["crane", "deep", "crane"])
    let data = try TinyPhotographs(["crane", "deep"])
    expectRefusal(try thresh(["evaluate", shared, "--data", data.path]), Status.network, ["several are called crane"])
  }

  @Test func `digits are no clothes though both sets have ten classes of 28 by 28 pixels`() throws {
    let run = try TrainedRun.lenet.get()
    let source = run.data.folder["fashion-mnist"]
    try FileManager.default.copyItem(atPath: source, toPath: folder["mnist"])
    let outcome = try thresh(["evaluate", run.run, "--data", "mnist", "--data-dir", folder.path])
    expectRefusal(outcome, Status.network, ["mnist has other classes than the model", "0, 1, 2"])
    // A folder of such files that no name is known for only counts its classes.
    try FileManager.default.copyItem(atPath: source, toPath: folder["anything"])
    let counted = try succeeding(["evaluate", run.run, "--data", folder["anything"]])
    #expect(counted.errors.contains("anything does not name its classes"))
  }

  @Test func `a teacher with its classes in another order is refused`() throws {
    let turned = try model(named: ["deep", "blush", "cactus"])
    let outcome = try thresh(
      trained.photographs.training(folder["run"]) + ["--teacher", turned, "--distillation", "0.5"])
    expectRefusal(outcome, Status.network, ["has its classes in another order"])
  }
}
