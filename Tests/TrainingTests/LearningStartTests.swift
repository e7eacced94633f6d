import Compaction
import Datasets
import Testing

@testable import Training

struct LearningStartTests {
  @Test(arguments: [
    (36, 0.04, false), (36, 0.1, true), (10, 0.15, false), (10, 0.25, true), (2, 0.52, false), (2, 0.6, true),
    (1000, 0.002, false), (1000, 0.004, true), (1, 1, true),
  ])
  func `learning is told from guessing, with few classes and many`(classes: Int, share: Double, hasLearnt: Bool) {
    var start = LearningStart()
    for step in 0..<50 {
      start.add(images: 1000, correct: Int((1000 * share).rounded()), classes: classes, after: Double(step))
    }
    #expect((start.epochs != nil) == hasLearnt)
  }

  @Test func `the moment that counts is the first, once enough images were seen`() {
    var start = LearningStart()
    for step in 0..<10 { start.add(images: 100, correct: 50, classes: 10, after: Double(step)) }
    #expect(start.epochs == 2)
  }

  /// A training that learns nothing: labels that have nothing to do with the images, and next to no rate.
  @Test(arguments: [2.0, 0]) func `a strength that grows waits for a network that guesses`(warmup: Double) throws {
    var state: UInt32 = 7
    let labels = (0..<600).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24) % 4
    }
    let images = drawnImages(600)
    var data = drawnData()
    data.train = InMemoryImages(shape: images.shape, pixels: images.pixels, labels: labels)
    func trained(_ regularizer: Regularizer, _ folder: TemporaryFolder) throws -> [String: [Float]] {
      let options = options(epochs: 2, rate: 1e-6, regularizer: regularizer)
      var trainer = Trainer(options, data, try model(smallNetwork(), of: data), in: RunFolder(folder.url))
      return elements(try trainer.train(resume: false))
    }
    let pressed = try trained(
      Regularizer(nuclear: 1000, group: 1000, frequency: .steps(5), warmup: warmup), TemporaryFolder())
    #expect((pressed == (try trained(.none, TemporaryFolder()))) == (warmup > 0))
  }
}
