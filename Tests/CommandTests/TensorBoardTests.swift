import Foundation
import Testing

/// What a run leaves for TensorBoard, read by TensorBoard itself.
struct TensorBoardTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func expectSame(_ run: String) throws {
    try succeedingInPython("events.py", [run], environment: ["HOME": folder.path])
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
