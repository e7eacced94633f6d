import Foundation
import Testing

/// How steps are made: clipped gradients, several batches a step, averaged weights, a cosine that starts again.
struct StepOptionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func averages(_ path: String) throws -> Int {
    try ModelFile(folder[path]).header.keys.filter { $0.hasPrefix("average/") }.count
  }

  private func recipe(_ path: String) throws -> String {
    String(decoding: try contents(of: folder[path]), as: UTF8.self)
  }

  @Test func `a run keeps how its steps are made, and averages the weights where it has no regulariser`() throws {
    let data = try TinyImages.shared.get().options + ["--threads", "1"]
    let options = [
      "--clip-norm", "1.5", "--accumulate", "2", "--ema", "0.9", "--schedule", "cosine-restarts", "--batch-size", "16",
    ]
    try succeeding(
      ["train", "--model", "lenet5", "--epochs", "1", "--finetune-epochs", "2", "--parameters", "0.5"] + options + data
        + ["--output", folder["run"]])
    for line in ["clip-norm: 1.5", "accumulate: 2", "ema: 0.9", "schedule: cosine-restarts", "cycles: 2"] {
      #expect(try recipe("run/recipe.yaml").contains("  \(line)\n"), "\(line)")
    }
    #expect(try averages("run/optimizer.safetensors") == 0)
    #expect(try averages("run/finetune/optimizer.safetensors") > 0)
    // An average belongs to its training; what the steps are made like stays.
    for (name, ema) in [("without", []), ("with", ["--ema", "0.9"])] {
      let cut = ["compress", folder["run/last.safetensors"], "--energy", "0.9", "--finetune-epochs", "1"] + ema
      try succeeding(cut + data + ["--output", folder["\(name).safetensors"]])
      let count = try averages("\(name).safetensors.finetune/optimizer.safetensors")
      #expect((count > 0) == !ema.isEmpty, "\(name)")
    }
  }

  @Test func `another schedule for a run leaves its cycles behind`() throws {
    let data = try TinyImages.shared.get().options + ["--threads", "1", "--output", folder["run"]]
    let ordinary = ["train", "--model", "lenet5", "--nuclear", "0", "--group", "0", "--epochs"]
    try succeeding(ordinary + ["1", "--schedule", "cosine-restarts", "--cycles", "3"] + data)
    #expect(try recipe("run/recipe.yaml").contains("cycles: 3"))
    try succeeding(["train", "--resume", "--epochs", "2", "--schedule", "cosine"] + data)
    #expect(try !recipe("run/recipe.yaml").contains("cycles"))
  }
}
