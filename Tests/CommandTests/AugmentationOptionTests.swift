import Foundation
import Testing

/// How training images are varied, by options.
struct AugmentationOptionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let options = [
    "--crop", "resized", "--crop-area", "0.3", "--color-jitter", "0.4", "--rand-augment", "2", "--random-erasing",
    "0.25", "--mixup", "0.2", "--cutmix", "1",
  ]
  private let lines = [
    "crop: resized", "crop-area: 0.3", "color-jitter: 0.4", "rand-augment: 2,9", "random-erasing: 0.25", "mixup: 0.2",
    "cutmix: 1", "flip: false",
  ]

  private func recipe(_ path: String) throws -> String {
    String(decoding: try contents(of: folder[path]), as: UTF8.self)
  }

  @Test func `photographs are varied as options say, the run keeps it, and compress goes on with it`() throws {
    let photographs = try TinyPhotographs(["red", "green"])
    try succeeding(photographs.training(folder["run"]) + options + ["--no-flip", "--epochs", "2"])
    let text = try recipe("run/recipe.yaml")
    for line in lines { #expect(text.contains("  \(line)\n") || text.contains("  \(line).0\n"), "\(line) in \(text)") }
    let cut = ["compress", folder["run/last.safetensors"], "--energy", "0.9", "--finetune-epochs", "1"]
    try succeeding(cut + ["--data", photographs.path, "--output", folder["small.safetensors"], "--threads", "1"])
    let model = String(decoding: try contents(of: folder["small.safetensors"]), as: UTF8.self)
    #expect(model.contains("rand-augment: 2,9"))
  }

  @Test func `a training does not depend on how many threads prepare its images`() throws {
    let photographs = try TinyPhotographs(["red", "green"])
    let weights = try [1, 2, 4].map { workers in
      let run = folder["workers-\(workers)"]
      try succeeding(photographs.training(run) + options + ["--epochs", "2", "--workers", "\(workers)"])
      return try contents(of: run + "/optimizer.safetensors").suffix(20_000)
    }
    #expect(weights[0] == weights[1] && weights[0] == weights[2])
  }

  @Test func `small grey images are varied too, and a run that is given anew with its recipe is the same`() throws {
    let data = try TinyImages.shared.get().options + ["--threads", "1"]
    let training = ["train", "--model", "lenet5", "--nuclear", "0", "--group", "0", "--epochs", "1"]
    try succeeding(training + options + data + ["--output", folder["run"]])
    try succeeding(["train", "--recipe", folder["run/recipe.yaml"], "--output", folder["again"]])
    #expect(try contents(of: folder["again/last.safetensors"]) == contents(of: folder["run/last.safetensors"]))
    try succeeding(training + data + ["--output", folder["plain"]])
    #expect(try contents(of: folder["plain/last.safetensors"]) != contents(of: folder["run/last.safetensors"]))
  }
}
