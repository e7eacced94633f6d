import Foundation
import Testing

/// A folder of images without a test part.
struct TestShareTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a run sets images apart, says so, and every command that tests its model takes the same ones`() throws {
    let photographs = try TinyPhotographs(["red", "green"], training: 16, test: 1)
    try FileManager.default.removeItem(atPath: photographs.path + "/test")
    let trained = try succeeding(
      photographs.training(folder["run"]) + ["--epochs", "1", "--test-share", "0.25", "--seed", "3"])
    #expect(trained.errors.contains("so 8 of 32 training images (0.25 of every class"), "\(trained.errors)")
    #expect(trained.errors.contains("--test-share changes how many"))
    let recipe = String(decoding: try contents(of: folder["run/recipe.yaml"]), as: UTF8.self)
    #expect(recipe.contains("  test-share: 0.25\n"))
    let result = try JSONSerialization.jsonObject(with: Data(try contents(of: folder["run/result.json"])))
    let test = try #require((result as? [String: Any])?["test"] as? [String: Any])
    let evaluated = try succeeding(["evaluate", folder["run"], "--data", photographs.path, "--json"]).json()
    for key in ["images", "top1"] {
      #expect(evaluated[key] as? NSNumber == test[key] as? NSNumber, "\(key): \(evaluated) instead of \(test)")
    }
    #expect(evaluated["images"] as? Int == 8)
    let other = ["evaluate", folder["run"], "--data", photographs.path, "--json", "--test-share", "0.5"]
    #expect(try succeeding(other).json()["images"] as? Int == 16)
    let cut = ["compress", folder["run"], "--energy", "0.9", "--json", "--data", photographs.path]
    let compressed = try succeeding(cut + ["--output", folder["small.safetensors"]]).json()
    #expect((compressed["test"] as? [String: Any])?["images"] as? Int == 8)
    let verified = ["verify", folder["run"], folder["small.safetensors"], "--tolerance", "1000", "--json"]
    #expect(try thresh(verified + ["--data", photographs.path]).json()["images"] as? Int == 8)
  }
}
