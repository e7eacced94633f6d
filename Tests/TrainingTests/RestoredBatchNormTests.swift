import Compaction
import Datasets
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// Batch norms put back where an exporter folded them away.
struct RestoredBatchNormTests {
  private let data = drawnData()

  private func folded() throws -> Network {
    let place = try TemporaryFolder()
    var trainer = Trainer(options(epochs: 2), data, model(try smallNetwork(), of: data), in: RunFolder(place.url))
    return try trainer.train(resume: false).foldingBatchNorm()
  }

  @Test func `the function stays, and every convolution has a batch norm that can be measured again`() throws {
    let folded = try folded()
    try #require(!folded.nodes.contains { $0.operation is BatchNorm })
    let restored = try folded.restoringBatchNorm(
      on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(restored.nodes.filter { $0.operation is BatchNorm }.count == 3)
    #expect(try Difference(between: folded, and: restored).relative < 1e-5)
    let variance = try #require(restored.parameters["conv1_bn.running_var"])
    #expect(variance.doubles.allSatisfy { $0 > 0 && $0 != 1 })
    // The statistics are those that measuring again finds, so that it changes little.
    let again = try restored.recalibrated(on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(try Difference(between: restored, and: again).relative < 0.05)
  }

  @Test func `convolutions that have a batch norm, and networks without convolutions, stay as they are`() throws {
    let network = try smallNetwork()
    let same = try network.restoringBatchNorm(on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(same.nodes.map(\.name) == network.nodes.map(\.name))
  }

  @Test func `a pair of factors gets one behind its second`() throws {
    let pair = try Compressor(PlanSettings(target: .energy(0.6)), skip: ["linear"]).compact(folded()).network
    try #require(pair.matrixLayers.contains { $0.isFactorized })
    let restored = try pair.restoringBatchNorm(on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(restored.matrixLayers.filter(\.isFactorized).count == pair.matrixLayers.filter(\.isFactorized).count)
    #expect(try Difference(between: pair, and: restored).relative < 1e-5)
  }
}
