import Foundation
import Testing

@testable import Datasets

/// These need the folder of data sets that THRESH_DATA names, and are skipped where it is not set.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["THRESH_DATA", default: ""] != "", "THRESH_DATA is not set"))
struct RealDataTests {
  private let finder = DatasetFinder(environment: ProcessInfo.processInfo.environment)

  /// The share of each class, for a check that labels and images were not mixed up.
  private func classCounts(_ source: any ImageSource, _ classes: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: classes)
    for index in 0..<source.count { counts[source.label(at: index)] += 1 }
    return counts
  }

  @Test func `CIFAR-10 has 5,000 training and 1,000 test images a class and the published mean`() throws {
    let data = try finder.load("cifar10")
    #expect(classCounts(data.train, 10) == Array(repeating: 5_000, count: 10))
    #expect(classCounts(data.test, 10) == Array(repeating: 1_000, count: 10))
    let measured = Normalization(of: try #require(data.train as? InMemoryImages))
    for channel in 0..<3 {
      #expect(abs(measured.mean[channel] - Normalization.cifar10.mean[channel]) < 1e-3)
      #expect(abs(measured.std[channel] - Normalization.cifar10.std[channel]) < 1e-3)
    }
    #expect(data.classNames.first == "airplane" && data.classNames.last == "truck")
  }

  @Test func `Fashion-MNIST has 6,000 training images a class and the published mean`() throws {
    let data = try finder.load("fashion-mnist")
    #expect(classCounts(data.train, 10) == Array(repeating: 6_000, count: 10))
    #expect(data.test.count == 10_000)
    let measured = Normalization(of: try #require(data.train as? InMemoryImages))
    #expect(abs(measured.mean[0] - 0.2860) < 1e-3 && abs(measured.std[0] - 0.3530) < 1e-3)
  }

  @Test func `chars36 has 7,775 and 1,371 images of 36 classes`() throws {
    let data = try finder.load("chars36")
    #expect(data.train.count == 7_775 && data.test.count == 1_371)
    #expect(data.classNames.count == 36)
  }

  @Test func `every photograph of caltech10 decodes`() throws {
    var data = try finder.load("caltech10")
    #expect(data.train.count == 800 && data.test.count == 200)
    data.workers = 2
    let loader = BatchLoader(data.test, .evaluation(data, batchSize: 50))
    var count = 0
    while let batch = try loader.next() { count += batch.count }
    #expect(count == 200)
  }
}
