import Foundation
import Testing

/// The list of architectures, and that what it lists works with weights of other programs.
struct ModelsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `the list has size, MACs and usual input of every architecture, in 80 columns`() throws {
    let outcome = try succeeding(["models"])
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 80 })
    let row = try #require(lines.first { $0.hasPrefix("mobilenet_v2 ") })
    #expect(row.contains("3.50 M") && row.contains("301 M") && row.contains("3×224×224") && row.hasSuffix("1000"))
    #expect(lines.contains { $0.hasPrefix("efficientnet_b1 ") && $0.contains("3×240×240") })
    #expect(outcome.errors.isEmpty)
  }

  @Test func `as JSON the list has the numbers`() throws {
    let models = try #require(try succeeding(["models", "--json"]).json()["models"] as? [[String: Any]])
    let found = try #require(models.first { $0["name"] as? String == "resnet18" })
    #expect(found["parameters"] as? Int == 11_689_512 && found["macs"] as? Int == 1_814_073_344)
    #expect(found["input_shape"] as? [Int] == [3, 224, 224] && found["classes"] as? Int == 1000)
    #expect(Set(models.compactMap { $0["name"] as? String }).count == models.count)
  }

  @Test func `an unknown name is pointed to the list`() throws {
    let outcome = try thresh(["inspect", "alexnet7"])
    expectRefusal(outcome, Status.network, ["alexnet7 is neither a file nor a known architecture", "thresh models"])
    #expect(!outcome.errors.contains("resnet56"))
  }

  @Test(arguments: [("squeezenet1_1", "classifier.1"), ("mobilenet_v3_small", "classifier.3")])
  func `weights for other classes get a new classifier`(model: String, layer: String) throws {
    let four = try TinyPhotographs(["blush", "cactus", "deep", "zinc"], training: 2, test: 1)
    func training(_ data: TinyPhotographs, _ run: String) -> [String] {
      let options = [
        ("model", model), ("data", data.path), ("image-size", "32"), ("epochs", "1"), ("batch-size", "4"),
        ("validation", "0"), ("nuclear", "0"), ("group", "0"), ("lr", "0.001"), ("threads", "1"),
        ("output", folder[run]),
      ]
      return ["train"] + options.flatMap { ["--\($0)", $1] }
    }
    try succeeding(training(four, "four"))
    var weights = try ModelFile(folder["four/last.safetensors"])
    weights.becomeWeights { ($0, $1, $2) }
    let file = try folder.write(try weights.bytes(), "weights.safetensors")
    let two = try TinyPhotographs(["blush", "cactus"], training: 2, test: 1)
    let options = training(two, "two") + ["--weights", file]
    expectRefusal(try thresh(options), Status.file, ["--new-head"])
    let outcome = try succeeding(options + ["--new-head"])
    let said = outcome.errors + outcome.output
    #expect(said.contains("\(layer), the layer of the 4 classes, is replaced"), "\(outcome)")
  }
}
