import Foundation
import Testing

/// Places that results cannot be put into.
struct BadOutputTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ output: String, shell: String? = nil) throws -> Outcome {
    try thresh(
      ["train", "--model", "lenet5", "--epochs", "1", "--nuclear", "0", "--group", "0", "--threads", "1"]
        + (try TinyImages.shared.get().options) + ["--output", output], shell: shell)
  }

  private func compress(_ output: String, shell: String? = nil) throws -> Outcome {
    try thresh(
      ["compress", try TrainedRun.lenet.get().run, "--parameters", "0.5", "--output", output], shell: shell)
  }

  @Test func `a folder that holds a run is left alone`() throws {
    let run = try TrainedRun.lenet.get()
    let before = try contents(of: run.run + "/last.safetensors")
    expectRefusal(try train(run.run), Status.output, ["holds a run already", "--resume"])
    #expect(try contents(of: run.run + "/last.safetensors") == before)
  }

  @Test func `a path under a file is refused`() throws {
    let file = try folder.write("text", "file")
    expectRefusal(try train(file + "/run"), Status.output)
    expectRefusal(try train(file), Status.output)
    expectRefusal(try compress(file + "/small.safetensors"), Status.output)
    #expect(try contents(of: file) == Data("text".utf8))
  }

  @Test func `a missing folder and a folder in the place of a file are refused`() throws {
    expectRefusal(try compress(folder["nowhere/small.safetensors"]), Status.output, ["does not exist"])
    expectRefusal(try compress(folder.path), Status.output, ["it is a folder"])
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
  func `a folder without permission is refused`() throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
    expectRefusal(try train(folder["run"]), Status.output)
    expectRefusal(try compress(folder["small.safetensors"]), Status.output, ["no permission"])
  }

  @Test(.enabled(if: exists("/sys/kernel"), "there is no /sys, where not even root may write"))
  func `a folder where nobody may write is refused`() throws {
    expectRefusal(try train("/sys/kernel/run"), Status.output)
    expectRefusal(try compress("/sys/kernel/small.safetensors"), Status.output)
  }

  @Test func `a disk that is full stops a run without half a model`() throws {
    let outcome = try train(folder["run"], shell: "ulimit -f 100")
    expectRefusal(outcome, Status.output)
    #expect(folder.contents() == ["run", "run/events.out.tfevents", "run/metrics.jsonl", "run/recipe.yaml"])
  }

  @Test func `a disk that is full leaves the file that was there`() throws {
    let file = try folder.write("what was there", "small.safetensors")
    expectRefusal(try compress(file, shell: "ulimit -f 20"), Status.output)
    #expect(try contents(of: file) == Data("what was there".utf8))
    #expect(folder.contents() == ["small.safetensors"])
  }
}
