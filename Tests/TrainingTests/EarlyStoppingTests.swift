import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// A training that ends when the held-out accuracy has not risen for some epochs.
struct EarlyStoppingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func data() throws -> Dataset { try drawnData().holdingOut(0.2, seed: 1) }

  /// The small network learns these images in a few epochs; after that nothing gets better.
  private func waiting(_ patience: Int?, epochs: Int = 30) -> TrainingOptions {
    var options = options(epochs: epochs)
    (options.patience, options.schedule) = (patience, Schedule(.cosine))
    return options
  }

  private func epochs(_ trainer: Trainer) throws -> [Metrics] {
    try String(contentsOf: trainer.folder.metrics, encoding: .utf8).split(separator: "\n")
      .map { try Metrics(json: Data($0.utf8)) }
  }

  @Test(arguments: [1, 3]) func `training ends once as many epochs were no better, and says so`(patience: Int) throws {
    var trainer = try folder.trainer(waiting(patience), smallNetwork(), data())
    var told: (epoch: Int, best: Int)?
    trainer.observe = { if case .stoppedEarly(let epoch, let best) = $0 { told = (epoch, best) } }
    _ = try trainer.train(resume: false)
    let done = try epochs(trainer)
    try #require(done.count < 30)
    let accuracies = done.map { $0.validation?.top1 ?? 0 }
    let best = (accuracies.firstIndex { $0 == accuracies.max() } ?? 0) + 1
    #expect(done.count == best + patience)
    #expect(told?.epoch == done.count && told?.best == best)
    #expect(try Model(contentsOf: trainer.folder.best).figures["epoch"] == Double(best))
    // No earlier epoch had waited as long.
    for epoch in 1..<done.count {
      let sofar = accuracies.prefix(epoch)
      #expect(epoch - (sofar.firstIndex { $0 == sofar.max() } ?? 0) - 1 < patience)
    }
  }

  @Test func `the schedule is that of all epochs`() throws {
    var (patient, plain) = (
      try folder.trainer(waiting(1), smallNetwork(), data()),
      try folder.trainer(waiting(nil), smallNetwork(), data(), "plain")
    )
    _ = try patient.train(resume: false)
    _ = try plain.train(resume: false)
    let (short, long) = (try epochs(patient), try epochs(plain))
    #expect(short.map(\.learningRate) == long.prefix(short.count).map(\.learningRate))
    #expect(short.map(\.validation) == long.prefix(short.count).map(\.validation))
    #expect(long.count == 30)
  }

  @Test(arguments: [5, 13]) func `a training that is stopped and resumed ends after the same epoch`(step: Int) throws {
    var whole = try folder.trainer(waiting(2), smallNetwork(), data())
    let expected = elements(try whole.train(resume: false))
    let data = try data()
    #expect(
      elements(try stoppedAndResumed(after: step, waiting(2), smallNetwork(), data, in: folder)) == expected)
  }

  @Test func `a training that ended early goes on where it is resumed with more patience`() throws {
    var first = try folder.trainer(waiting(1), smallNetwork(), data())
    _ = try first.train(resume: false)
    let ended = try epochs(first).count
    var again = try folder.trainer(waiting(1), smallNetwork(), data())
    _ = try again.train(resume: true)
    #expect(try epochs(again).count == ended)
    var more = try folder.trainer(waiting(3), smallNetwork(), data())
    _ = try more.train(resume: true)
    #expect(try epochs(more).count > ended)
  }

  @Test func `a training with a regulariser, without held-out images or with compactions makes all its epochs`() throws
  {
    var pressed = waiting(1, epochs: 5)
    pressed.regularizer = Regularizer(nuclear: 0.001, group: 0.001, frequency: .steps(3))
    var compacting = waiting(1, epochs: 5)
    compacting.compaction = TrainingCompaction(after: [1], PlanSettings(target: .energy(0.9)))
    for (name, options, data) in [
      ("pressed", pressed, try data()), ("compacting", compacting, try data()),
      ("without", waiting(1, epochs: 5), drawnData()),
    ] {
      var trainer = try folder.trainer(options, smallNetwork(), data, name)
      _ = try trainer.train(resume: false)
      #expect(try epochs(trainer).count == 5, "\(name)")
    }
  }
}
