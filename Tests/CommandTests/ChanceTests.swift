import Foundation
import Testing

/// Runs whose network guesses when they end.
struct ChanceTests {
  /// Two classes of the same images, of which nothing can be learnt.
  private static func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for part in ["train", "test"] {
      for (name, number) in ["a", "b"].flatMap({ name in (0..<6).map { (name, $0) } }) {
        try folder.write(TinyPhotographs.image([90, 120, 150], number), "photos/\(part)/\(name)/\(number).ppm")
      }
    }
    return folder
  }

  @Test func `a run that ends at chance says so last, and has a status of its own under --strict`() throws {
    let folder = try Self.folder()
    let data = ["--data", folder["photos"], "--threads", "1"]
    let train = ["train", "--model", "lenet5", "--image-size", "32", "--epochs", "1", "--plain"] + data
    let usual = try succeeding(train + ["--output", folder["usual"]])
    #expect(
      usual.errorLines.last?.hasPrefix(
        "warning: the network is at chance: it classifies 50.0 % of 12 test images correctly, guessing would 50.0 %")
        ?? false, "\(usual.errors)")
    let strict = try thresh(train + ["--strict", "--output", folder["strict"]])
    #expect(strict.status == 72 && strict.errorLines.last?.contains("the network is at chance") ?? false)
    #expect(exists(folder["strict/best.safetensors"]) && strict.output.contains("best.safetensors"))
    let file = folder["small.safetensors"]
    let compress = ["compress", folder["usual"], "--energy", "1", "--output", file] + data.filter { $0 != "--plain" }
    #expect(try thresh(compress + ["--strict"]).status == 72)
    #expect(exists(file))
  }

  @Test func `--plain is training without a regulariser, and goes with none`() throws {
    let folder = try Self.folder()
    let words = ["train", "--data", folder["photos"], "--plain", "--output", folder["run"], "--threads", "1"]
    expectRefusal(try thresh(words + ["--nuclear", "0.1"]), Status.recipe, ["--plain", "--nuclear"])
    try succeeding(words + ["--model", "lenet5", "--image-size", "32", "--epochs", "0"])
    let recipe = String(decoding: try contents(of: folder["run/recipe.yaml"]), as: UTF8.self)
    #expect(recipe.contains("nuclear: 0") && recipe.contains("group: 0"), "\(recipe)")
  }
}
