import Datasets
import Foundation
import Interchange
import Training

extension Model {
  /// Trains the model. A training for compression makes it small; fine-tuning that makes it worse leaves it as it was.
  ///
  /// Nothing is kept but the model; `Session` trains in a folder, and goes on where it was stopped.
  ///
  /// - Parameters:
  ///   - data: its images are normalised as the model wants them, its classes matched by name. Without labels a compact
  ///     network is fine-tuned, and learns to give what the task's teacher gives.
  ///   - report: told of every epoch and of everything else worth a line, but not of the progress in between.
  /// - Throws: `TrainingInterruption` when it diverges, `PlanError`, `CompactionError`, `DatasetError`, `NetworkError`.
  public mutating func train(
    on data: Dataset, _ task: TrainingTask, report: @escaping RunObserver = { _ in }
  ) throws {
    self = try trained(on: data, task, report: report)
  }

  /// The trained model; see `train(on:_:report:)`.
  public func trained(
    on data: Dataset, _ task: TrainingTask, report: @escaping RunObserver = { _ in }
  ) throws -> Model {
    let folder = FileManager.default.temporaryDirectory.appending(path: "thresh-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let observe: RunObserver = { if !$0.isProgress { report($0) } }
    let prepared = try data.prepared(for: self)
    for note in prepared.notes.dropFirst(data.notes.count) { observe(.note(note)) }
    switch task {
    case .training(let recipe, let teacher):
      guard prepared.hasLabels else {
        throw RecipeError("training from the start needs labels; images without can only fine-tune a compact network")
      }
      return try Session(recipe, in: folder, observe: observe).run(from: self, on: prepared, teacher: teacher).model
    case .tuning(var recipe, let teacher):
      try recipe.validate()
      recipe.training = Defaults.resolve(
        recipe.training, for: compressionContext(recipe, images: prepared.train.count))
      var steps = try RunSteps(recipe, observe: observe)
      if !prepared.hasLabels {
        guard let teacher else { throw RecipeError("images without labels teach nothing without a teacher; give one") }
        try steps.imitate(teacher, on: prepared)
      }
      return
        try steps
        .finetuned(self, on: prepared, in: RunFolder(folder), teacher: teacher?.network ?? network)
    }
  }
}
