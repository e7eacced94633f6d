import Foundation
import Testing

/// What a run leaves for TensorBoard, read by TensorBoard itself.
struct TensorBoardTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func expectSame(_ run: String) throws {
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments = [root.appending(path: "Tests/Interop/events.py").path, run]
    let said = Pipe()
    (process.standardOutput, process.standardError) = (said, said)
    try process.run()
    let text = String(decoding: try said.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text.suffix(2000))")
  }

  private func eventFiles(_ run: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: run).filter { $0.contains("tfevents") }.count
  }

  @Test func `TensorBoard reads of a training and its fine-tuning what their metrics say`() throws {
    let run = try TrainedRun.dec3.get()
    try expectSame(run.run)
    try expectSame(run.run + "/finetune")
  }

  @Test func `a run that was continued is one run there, and it may be left out`() throws {
    let photographs = try TinyPhotographs(["red", "green"])
    let training = photographs.training(folder["run"])
    try succeeding(training + ["--epochs", "2"])
    try succeeding(training + ["--epochs", "4", "--resume"])
    #expect(try eventFiles(folder["run"]) == 2)
    try expectSame(folder["run"])
    try succeeding(photographs.training(folder["other"]) + ["--epochs", "1", "--no-tensorboard"])
    #expect(try eventFiles(folder["other"]) == 0)
  }
}
