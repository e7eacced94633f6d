import Foundation
import Testing

/// A regulariser so strong that the network dies within a few dozen steps.
struct CollapseTests {
  @Test func `a fast collapse is told before the accuracy on training images has fallen five points`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let outcome = try succeeding(
      ["train", "--model", run.run + "/last.safetensors", "--epochs", "4", "--batch-size", "16", "--lr", "0.02"]
        + ["--warmup-epochs", "0", "--schedule", "constant", "--nuclear", "0.2", "--group", "0.2"]
        + ["--strength-warmup", "3", "--proximal-every", "5", "--threads", "1", "--output", folder["run"]]
        + run.data.options)
    let steps = outcome.errorLines.filter { $0.hasPrefix("warning: step ") }
      .compactMap { $0.dropFirst(14).split(separator: ":").first.flatMap { Int($0) } }
    let first = try #require(steps.first, "\(outcome.errors)")
    let lines = try metrics(folder["run/metrics.jsonl"])
    let fallen = try #require(lines.first { ($0["training_top1"] as? Double ?? 0) < 95 }?["step"] as? Int)
    #expect(first < fallen)
  }
}
