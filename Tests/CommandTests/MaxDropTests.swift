import Foundation
import Testing

/// A loss of accuracy as the target of `compress`.
@Suite struct MaxDropTests {
  private struct Figures: Decodable {
    struct Point: Decodable {
      struct Drop: Decodable { let points, bound: Double }
      let fraction: Double
      let drop: Drop?
    }
    let macs, denseMacs: Int
    let search: [Point]

    private enum CodingKeys: String, CodingKey {
      case macs, search
      case denseMacs = "dense_macs"
    }
  }

  @Test func `the smallest size that loses little enough is found, and taken up again`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let output = folder["small.safetensors"]
    let command =
      ["compress", run.run, "--max-drop", "40", "--threads", "1", "--json", "--output", output] + run.data.options
    let text = try succeeding(command).output
    let figures = try JSONDecoder().decode(Figures.self, from: Data(text.utf8))
    let enough = figures.search.filter { ($0.drop?.bound ?? 100) <= 40 }.map(\.fraction)
    let tooSmall = figures.search.filter { ($0.drop?.bound ?? 100) > 40 }.map(\.fraction)
    let found = try #require(enough.min(), "no size was enough")
    #expect(tooSmall.allSatisfy { $0 < found })
    #expect(Double(figures.macs) <= found * Double(figures.denseMacs))
    #expect(figures.search.count <= 6 && figures.search.first?.fraction == 0.5)
    // What was tried before is not tried again.
    let again = try succeeding(command + ["--resume", "--finetune-epochs", "1", "--search-epochs", "0"])
    #expect(try JSONDecoder().decode(Figures.self, from: Data(again.output.utf8)).search.count == figures.search.count)
    #expect(again.errors.contains("of the MACs"))
  }

  @Test func `where every size loses too much, it is said and nothing is written`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let command = ["compress", run.run, "--max-drop", "0", "--threads", "1", "--output", folder["small.safetensors"]]
    let outcome = try thresh(command + run.data.options)
    #expect(outcome.status == Status.plan)
    #expect(try #require(outcome.errorLines.last).contains("loses more than 0.0 points on the held-out images"))
    #expect(!exists(folder["small.safetensors"]))
  }

  @Test(arguments: [
    (["--max-drop=-1"], "--max-drop is -1"), (["--max-drop", "1", "--macs", "0.5"], "leave --macs out"),
    (["--search-epochs", "2"], "--max-drop"), (["--by", "time"], "--by is of the search"),
    (["--max-drop", "1", "--search-epochs=-1"], "--search-epochs is -1"),
  ])
  func `what makes no sense with it is refused`(options: [String], words: String) throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let command = ["compress", run.run, "--output", folder["x"]] + options + run.data.options
    expectRefusal(try thresh(command), Status.recipe, [words])
  }

  @Test func `it needs images`() throws {
    let run = try TrainedRun.lenet.get()
    expectRefusal(
      try thresh(["compress", run.run, "--max-drop", "1", "--output", run.folder["x"]]), Status.recipe, ["--data"])
  }
}
