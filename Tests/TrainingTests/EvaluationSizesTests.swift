import Architectures
import Datasets
import Networks
import Testing

@testable import Training

/// How many images are computed at once outside of training.
struct EvaluationSizesTests {
  @Test func `large images are computed a few at once, small ones 250`() throws {
    func size(_ name: Catalogue, _ side: Int) throws -> Int {
      try name.network(input: [3, side, side], classes: 10, seed: 0).evaluationBatchSize()
    }
    #expect(try size(.resnet20, 32) == 250)
    let (small, large) = (try size(.resnet18, 64), try size(.resnet18, 224))
    #expect(large >= 4 && large < small && small < 250, "\(large), \(small)")
  }

  @Test func `how many are computed at once does not change what is measured`() throws {
    let (network, data) = (try smallNetwork(), drawnData())
    let whole = try network.accuracy(on: data.test, of: data)
    let few = try network.accuracy(on: data.test, of: data, batchSize: 3)
    #expect(whole.top1 == few.top1 && whole.images == few.images)
    #expect(abs(whole.loss - few.loss) < 1e-5)
  }

  @Test func `batch norms are measured on fewer large images, at least 1,280`() {
    func sample(_ side: Int) -> StatisticsSample {
      StatisticsSample(of: ImageShape(channels: 3, height: side, width: side))
    }
    #expect(sample(28) == StatisticsSample(batches: 60, batchSize: 128))
    #expect(sample(32) == StatisticsSample(batches: 60, batchSize: 128))
    #expect(sample(64) == StatisticsSample(batches: 60, batchSize: 32))
    #expect(sample(224) == StatisticsSample(batches: 40, batchSize: 32))
    #expect(sample(224).images(of: 100) == 100)
  }
}
