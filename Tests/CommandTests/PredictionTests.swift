import Foundation
import Testing

/// What is said of single images and classes: `evaluate` in detail, and `predict`.
struct PredictionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Four classes of plain colours, and a network that was trained on them for a moment.
  private static let trained = Result {
    let photographs = try TinyPhotographs(["blush", "cactus", "deep", "zinc"])
    let folder = try TemporaryFolder()
    try succeeding(photographs.training(folder["run"]))
    return (photographs: photographs, folder: folder)
  }

  private func rows(_ name: String) throws -> [[String]] {
    String(decoding: try contents(of: folder[name]), as: UTF8.self).split(separator: "\r\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test func `every class has its accuracy, precision and most frequent mistake, the worst first`() throws {
    let run = try TrainedRun.lenet.get()
    let options = ["evaluate", run.run, "--threads", "1"] + run.data.options
    let lines = try succeeding(options + ["--per-class"]).output.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 80 } && lines.count == 13, "\(lines)")
    #expect(lines.last?.contains("top-5 ") == true)
    let accuracies = lines[2..<12].compactMap { $0.firstMatch(of: /([0-9.]+) %/).flatMap { Double($0.output.1) } }
    #expect(accuracies.count == 10 && accuracies == accuracies.sorted())

    let report = try succeeding(options + ["--per-class", "--json"]).json()
    let matrix = try #require(report["confusion"] as? [[Int]])
    let classes = try #require(report["classes"] as? [[String: Any]])
    #expect(matrix.count == 10 && matrix.allSatisfy { $0.reduce(0, +) == 10 })
    let correct = matrix.indices.map { matrix[$0][$0] }.reduce(0, +)
    #expect(try abs(#require(report["top1"] as? Double) - Double(correct)) < 1e-9)
    for (label, row) in classes.enumerated() {
      #expect(row["accuracy"] as? Double == Double(matrix[label][label]) * 10)
      let taken = matrix.map { $0[label] }.reduce(0, +)
      if taken > 0 {
        let precision = try #require(row["precision"] as? Double)
        #expect(abs(precision - 100 * Double(matrix[label][label]) / Double(taken)) < 1e-9)
      }
    }
    let (top1, top5) = (try #require(report["top1"] as? Double), try #require(report["top5"] as? Double))
    #expect(top5 >= top1 && top5 <= 100)
  }

  @Test func `the confusion matrix is plotted with the names of the classes on both axes`() throws {
    let run = try TrainedRun.lenet.get()
    try succeeding(["evaluate", run.run, "--confusion", folder["c.svg"], "--threads", "1"] + run.data.options)
    let drawn = String(decoding: try contents(of: folder["c.svg"]), as: UTF8.self)
    #expect(drawn.ranges(of: ">Sandal<").count == 2 && drawn.contains("predicted class"))
  }

  @Test func `predictions of a set without files are told by their numbers`() throws {
    let run = try TrainedRun.lenet.get()
    let options = ["evaluate", run.run, "--threads", "1"] + run.data.options
    let report = try succeeding(options + ["--json", "--predictions", folder["p.csv"]]).json()
    let found = try rows("p.csv")
    #expect(found[0] == ["index", "class", "predicted", "probability"] && found.count == 101)
    #expect(found.dropFirst().map { $0[0] } == (0..<100).map { "\($0)" })
    #expect(report["top1"] as? Double == Double(found.dropFirst().filter { $0[1] == $0[2] }.count))
    expectRefusal(try thresh(options + ["--predictions", folder["p.txt"]]), Status.output, [".csv or .json"])
  }

  @Test func `predict sees in the same photographs exactly what evaluate sees`() throws {
    let (photographs, trained) = try Self.trained.get()
    let run = trained["run"]
    let data = ["--data", photographs.path, "--threads", "1"]
    try succeeding(["evaluate", run, "--predictions", folder["e.csv"]] + data)
    try succeeding(
      ["predict", run, photographs.path + "/test", "--output", folder["p.csv"], "--threads", "1"])
    let (evaluated, predicted) = (try rows("e.csv"), try rows("p.csv"))
    #expect(evaluated[0] == ["file", "class", "predicted", "probability"])
    #expect(predicted[0] == ["file", "predicted", "probability"])
    #expect(evaluated.count == 17 && evaluated.map { [$0[0], $0[2], $0[3]] } == predicted)
    // One by one, and with batches of another size in JSON.
    try succeeding(["evaluate", run, "--batch-size", "1", "--predictions", folder["one.csv"]] + data)
    let alone = try succeeding(["predict", run, evaluated[1][0], "--batch-size", "1", "--json", "--threads", "1"])
    let found = try #require(try JSONSerialization.jsonObject(with: Data(alone.output.utf8)) as? [[String: Any]])
    let best = try #require((found[0]["classes"] as? [[String: Any]])?.first)
    #expect(best["name"] as? String == (try rows("one.csv"))[1][2])
    #expect(try abs(#require(best["probability"] as? Double) - #require(Double(try rows("one.csv")[1][3]))) < 1e-6)
  }

  @Test func `predict takes folders and files in their order, and writes JSON too`() throws {
    let (photographs, trained) = try Self.trained.get()
    let (one, rest) = (photographs.path + "/test/zinc/0.ppm", photographs.path + "/test/deep")
    try folder.write("no image", "notes.txt")
    let printed = try succeeding(["predict", trained["run"], one, rest, "--top", "2"]).output
    #expect(printed.split(separator: "\n").count == 5 && printed.hasPrefix("\(one): "), "\(printed)")
    try succeeding(["predict", trained["run"], one, rest, "--top", "2", "--output", folder["p.json"]])
    let found = try #require(
      try JSONSerialization.jsonObject(with: contents(of: folder["p.json"])) as? [[String: Any]])
    #expect(found.count == 5 && found[0]["file"] as? String == one)
    #expect((found[0]["others"] as? [[String: Any]])?.count == 1)
    expectRefusal(
      try thresh(["predict", trained["run"], folder.path]), Status.data, ["has no image in it or below"])
  }

  @Test func `a broken image among many is named, or left out when asked`() throws {
    let run = try Self.trained.get().folder["run"]
    for name in ["a.ppm", "deep/b.ppm"] { try folder.write(TinyPhotographs.image([9, 9, 9], 1), "mine/\(name)") }
    try folder.write(Array(TinyPhotographs.image([9, 9, 9], 1).dropLast(90)), "mine/c.ppm")
    expectRefusal(try thresh(["predict", run, folder["mine"]]), Status.data, ["c.ppm", "--skip-broken"])
    let outcome = try succeeding(["predict", run, folder["mine"], "--skip-broken"])
    #expect(outcome.output.split(separator: "\n").count == 2 && outcome.errors.contains("1 broken image was left out"))
  }

  @Test func `predict takes weights, and says when there are none`() throws {
    let run = try TrainedRun.lenet.get()
    let image = photograph("kind-grey.png")
    var weights = try ModelFile(run.run + "/last.safetensors")
    weights.becomeWeights { ($0, $1, $2) }
    let file = try folder.write(try weights.bytes(), "weights.safetensors")
    let outcome = try succeeding(["predict", "lenet5", "--weights", file, image])
    #expect(!outcome.errors.contains("warning"))
    #expect(try succeeding(["predict", "lenet5", image]).errors.contains("warning: no --weights"))
  }
}
