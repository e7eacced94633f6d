import Foundation
import Testing

/// A loss that becomes NaN.
struct DivergenceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ options: [String]) throws -> Outcome {
    try thresh(
      ["train", "--model", "lenet5", "--nuclear", "0", "--group", "0", "--threads", "1", "--output", folder["run"]]
        + (try TinyImages.shared.get().options) + options)
  }

  @Test func `training stops at the step whose loss is not a number and says which`() throws {
    let outcome = try train(["--lr", "1e5", "--epochs", "3", "--batch-size", "16"])
    expectRefusal(outcome, Status.diverged, ["at step ", "lower --lr"])
    #expect(!exists(folder["run/last.safetensors"]))
  }

  @Test func `the last good checkpoint is kept`() throws {
    #expect(try train(["--lr", "0.01", "--epochs", "1", "--batch-size", "16"]).status == 0)
    let before = try contents(of: folder["run/last.safetensors"])
    let outcome = try train(["--lr", "1e5", "--epochs", "4", "--batch-size", "16", "--resume"])
    #expect(outcome.status == Status.diverged)
    #expect(outcome.errorLines.last?.contains("the last good checkpoint is kept in last.safetensors") == true)
    #expect(try contents(of: folder["run/last.safetensors"]) == before)
  }

  @Test func `weights that the epoch's only step made NaN do not replace good ones`() throws {
    let outcome = try train(["--lr", "9e5", "--epochs", "6", "--batch-size", "500", "--warmup-epochs", "0"])
    #expect(outcome.status == Status.diverged, "\(outcome.errors)")
    let report = try succeeding(["inspect", folder["run/last.safetensors"], "--json"])
    #expect(!report.output.contains("nan"))
  }

  @Test func `a checkpoint within an epoch never holds weights that are not numbers`() throws {
    let outcome = try train(["--lr", "1e5", "--epochs", "3", "--batch-size", "16", "--checkpoint-every", "0"])
    #expect(outcome.status == Status.diverged, "\(outcome.errors)")
    try succeeding(["inspect", folder["run/last.safetensors"]])
  }
}
