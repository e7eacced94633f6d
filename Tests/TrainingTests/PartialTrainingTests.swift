import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

struct PartialTrainingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ options: TrainingOptions, _ network: Network, _ data: Dataset) throws -> Network {
    var trainer = Trainer(options, data, model(network, of: data), in: RunFolder(folder.url))
    return try trainer.train(resume: false)
  }

  /// A training with the partial regulariser to half of the parameters.
  private func partialOptions(_ frequency: Regularizer.Frequency = .steps(3)) -> TrainingOptions {
    var options = options(
      epochs: 3, rate: 0.05,
      regularizer: Regularizer(nuclear: 0, group: 0, frequency: frequency, partial: Shrinkage(.soft, share: 0.2)))
    options.cutTarget = CutTarget(
      PlanSettings(target: .parameters(0.5), units: .weakest, allocator: .global, decompositions: .any),
      activationImages: 64)
    return options
  }

  @Test(arguments: [Regularizer.Frequency.steps(3), .steps(1000), .epoch])
  func `at the end of a training with the partial regulariser the cut changes nothing`(
    frequency: Regularizer.Frequency
  ) throws {
    let data = drawnData()
    let partial = partialOptions(frequency)
    let network = try train(partial, smallNetwork(), data)
    let target = try #require(partial.cutTarget)
    var compressor = Compressor(target.settings)
    compressor = try compressor.seeing(
      data, of: network, images: target.activationImages, seed: partial.seed, device: .cpu, PartProgress())
    let compacted = try compressor.compact(network)
    #expect(try compacted.network.cost().parameters <= network.cost().parameters / 2)
    let images = Tensor.normal([8] + network.inputShape, using: Generator(seed: 2))
    let (whole, small) = try (network(images), compacted.network(images))
    #expect((whole - small).maximumMagnitude < 1e-5 * whole.maximumMagnitude)
    // Ordinary training leaves something to lose.
    let ordinary = try train(options(epochs: 3, rate: 0.05), smallNetwork(), data)
    let given = try ordinary(images)
    let cut = try Compressor(target.settings).compact(ordinary).network(images)
    #expect((given - cut).maximumMagnitude > 1e-3 * given.maximumMagnitude)
  }

  @Test
  func `a training with the partial regulariser that is stopped and resumed ends where an uninterrupted one does`()
    throws
  {
    let data = drawnData()
    let options = partialOptions()
    let whole = try train(options, smallNetwork(), data)
    for stop in [10, 17, 26] {
      let end = try stoppedAndResumed(after: stop, options, smallNetwork(), data, in: folder)
      for (name, tensor) in whole.parameters {
        #expect((try #require(end.parameters[name]) - tensor).maximumMagnitude < 1e-6, "\(name) after \(stop)")
      }
    }
  }
}
