import Foundation
import Testing

/// A loss that becomes NaN.
struct DivergenceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ options: [String], model: String = "lenet5") throws -> Outcome {
    try thresh(
      ["train", "--model", model, "--nuclear", "0", "--group", "0", "--threads", "1", "--output", folder["run"]]
        + (try TinyImages.shared.get().options) + options)
  }

  /// Options under which weights grow without end, and at half the rate do not: a step multiplies them with
  /// 1 − rate · decay.
  private func diverging(decay: String) -> [String] { ["--lr", "3.9", "--momentum", "0", decay, "0.99"] }

  /// Checks that a training was given up: each return and the end in a line of its own.
  private func expectEnd(_ outcome: Outcome, _ words: [String] = []) {
    #expect(!outcome.wasKilled && outcome.status == Status.diverged, "\(outcome.errors)")
    let returns = outcome.errorLines.filter { $0.contains("with half the rate") }
    #expect(returns.count == 3 && returns.allSatisfy { $0.hasPrefix("warning: ") }, "\(outcome.errors)")
    for (number, line) in returns.enumerated() { #expect(line.hasSuffix("(\(number + 1) of 3)")) }
    let last = outcome.errorLines.last ?? ""
    #expect(last.hasPrefix("thresh: the loss became NaN or infinite at step "), "\(outcome.errors)")
    for word in words + ["lower --lr"] { #expect(last.contains(word), "\(outcome.errors)") }
    #expect(outcome.output.isEmpty)
  }

  @Test func `a training whose loss is not a number is tried at less and stops with the step`() throws {
    let outcome = try train(["--lr", "9e5", "--epochs", "3", "--batch-size", "16"])
    expectEnd(outcome, ["no checkpoint had been written yet"])
    #expect(!exists(folder["run/last.safetensors"]))
  }

  @Test func `the last good checkpoint is kept`() throws {
    #expect(try train(["--lr", "0.01", "--epochs", "1", "--batch-size", "16"]).status == 0)
    let before = try contents(of: folder["run/last.safetensors"])
    let outcome = try train(["--lr", "9e5", "--epochs", "4", "--batch-size", "16", "--resume"])
    expectEnd(outcome, ["the last good checkpoint is kept in last.safetensors"])
    #expect(try contents(of: folder["run/last.safetensors"]) == before)
  }

  @Test func `weights that the epoch's only step made NaN do not replace good ones`() throws {
    let outcome = try train(["--lr", "9e5", "--epochs", "6", "--batch-size", "500", "--warmup-epochs", "0"])
    #expect(outcome.status == Status.diverged, "\(outcome.errors)")
    if exists(folder["run/last.safetensors"]) {
      let report = try succeeding(["inspect", folder["run/last.safetensors"], "--json"])
      #expect(!report.output.contains("nan"))
    }
  }

  @Test func `a checkpoint within an epoch never holds weights that are not numbers`() throws {
    let outcome = try train(["--lr", "9e5", "--epochs", "3", "--batch-size", "16", "--checkpoint-every", "0"])
    expectEnd(outcome, ["the last good checkpoint is kept in last.safetensors"])
    try succeeding(["inspect", folder["run/last.safetensors"]])
  }

  @Test func `a training that goes on at half the rate says so once and keeps it in its files`() throws {
    let outcome = try train(
      diverging(decay: "--weight-decay") + ["--epochs", "6", "--batch-size", "16"], model: "dec3")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.errorLines.filter { $0.contains("half the rate") }
    #expect(lines.count == 1 && lines[0].hasPrefix("warning: train: the loss became NaN or infinite in epoch "))
    #expect(lines.first?.hasSuffix("with half the rate, 1.95 (1 of 3)") == true)
    let kept = try metrics(folder["run/metrics.jsonl"]).compactMap { $0["back_offs"] as? [[String: Any]] }.joined()
    #expect(kept.map { $0["learning_rate"] as? Double } == [1.95])
    let result = try JSONSerialization.jsonObject(with: contents(of: folder["run/result.json"])) as? [String: Any]
    #expect((result?["back_offs"] as? [Any])?.count == 1)
    try succeeding(["plot", folder["run"], "--output", folder["run.html"]])
  }

  /// A run whose recipe has its compact network trained on under a decay that makes high rates diverge.
  private func cut(_ options: [String], _ output: String = "small.safetensors") throws -> Outcome {
    let data = try TinyImages.shared.get()
    if !exists(folder["run"]) {
      _ = try train(
        ["--epochs", "2", "--batch-size", "16", "--lr", "0.05", "--momentum", "0", "--finetune-weight-decay", "0.99"],
        model: "dec3")
    }
    return try thresh(
      ["compress", folder["run"], "--energy", "0.9", "--threads", "1", "--output", folder[output]] + data.options
        + options)
  }

  @Test func `a fine-tuning that diverges goes on at half the rate, with a teacher`() throws {
    let outcome = try cut(["--finetune-epochs", "6", "--lr", "3.4", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("teacher: "))
    #expect(outcome.errorLines.filter { $0.contains("fine-tune: the loss became NaN") }.count == 1, "\(outcome.errors)")
    #expect((try outcome.json()["back_offs"] as? [Any])?.count == 1)
    try succeeding(["evaluate", folder["small.safetensors"]] + (try TinyImages.shared.get().options))
  }

  @Test func `a fine-tuning that fails leaves the compact network as it was cut`() throws {
    #expect(try cut([], "cut.safetensors").status == 0)
    let outcome = try cut(["--finetune-epochs", "3", "--lr", "9e5"])
    expectEnd(outcome, ["small.safetensors holds the compact network as it was cut"])
    let files = try ["small", "cut"].map { try ModelFile(folder["\($0).safetensors"]) }
    #expect(files[0].body == files[1].body)
  }

  @Test func `a network that is cut in place is not lost when fine-tuning fails`() throws {
    #expect(try cut([], "cut.safetensors").status == 0)
    try FileManager.default.copyItem(atPath: folder["run/best.safetensors"], toPath: folder["own.safetensors"])
    let before = try contents(of: folder["own.safetensors"])
    let outcome = try thresh(
      ["compress", folder["own.safetensors"], "--energy", "0.9", "--finetune-epochs", "3", "--lr", "9e5"]
        + ["--threads", "1", "--output", folder["own.safetensors"]] + (try TinyImages.shared.get().options))
    expectEnd(outcome, ["own.safetensors.finetune/compact.safetensors holds the compact network as it was cut"])
    #expect(try contents(of: folder["own.safetensors"]) == before)
  }
}
