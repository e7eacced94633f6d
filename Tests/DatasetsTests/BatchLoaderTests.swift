import Foundation
import Testing

@testable import Datasets

// The limit tells a loader that hangs from one on a busy machine.
@Suite(.timeLimit(.minutes(15))) struct BatchLoaderTests {
  /// One batch, copied.
  private struct Copied: Equatable {
    var number: Int
    var images: [Float]
    var labels: [Int64]
  }

  private func options(
    batchSize: Int = 8, order: BatchLoader.Order = .shuffled(seed: 1), augmentation: Augmentation = .none,
    epoch: Int = 0,
    firstBatch: Int = 0, dropsLast: Bool = false, threads: Int = 1
  ) -> BatchLoader.Options {
    BatchLoader.Options(
      batchSize: batchSize, normalization: Normalization(mean: [0], std: [1.0 / 255]), augmentation: augmentation,
      order: order, epoch: epoch, firstBatch: firstBatch, dropsLast: dropsLast, threads: threads)
  }

  private func pass(_ source: any ImageSource, _ options: BatchLoader.Options) throws -> [Copied] {
    let loader = BatchLoader(source, options)
    var result: [Copied] = []
    while let batch = try loader.next() {
      let images = UnsafeBufferPointer(start: batch.images, count: batch.count * batch.shape.count)
      let labels = UnsafeBufferPointer(start: batch.labels, count: batch.count)
      result.append(Copied(number: batch.number, images: Array(images), labels: Array(labels)))
    }
    return result
  }

  @Test func `in stored order every image comes once with its label`() throws {
    let images = smallImages(20)
    let batches = try pass(images, options(order: .asStored))
    #expect(batches.map(\.labels.count) == [8, 8, 4])
    #expect(batches.flatMap(\.labels) == images.labels.map(Int64.init))
    #expect(batches.flatMap(\.images).map { UInt8($0.rounded()) } == images.pixels)
  }

  @Test func `a shuffled pass takes every image once, in another order each epoch and the same for one seed`() throws {
    let source = smallImages(100)
    let marked = InMemoryImages(shape: source.shape, pixels: source.pixels, labels: (0..<100).map { UInt8($0) })
    let order = try (0..<2).map { try pass(marked, options(epoch: $0)).flatMap(\.labels) }
    #expect(order[0].sorted() == (0..<100).map { Int64($0) })
    #expect(order[0] != order[1])
    #expect(try pass(marked, options(epoch: 0)).flatMap(\.labels) == order[0])
    #expect(try pass(marked, options(order: .shuffled(seed: 2))).flatMap(\.labels) != order[0])
  }

  @Test(arguments: [0, 1, 3, 6, 7, 9]) func `a pass begun at batch k equals the rest of a whole one`(k: Int) throws {
    let augmentation = Augmentation(crop: .padded(1), flips: true)
    let whole = try pass(smallImages(50), options(augmentation: augmentation, epoch: 4))
    let rest = try pass(smallImages(50), options(augmentation: augmentation, epoch: 4, firstBatch: k))
    #expect(rest == Array(whole.dropFirst(k)))
  }

  @Test(arguments: [2, 3, 4, 8]) func `more threads give the same batches in the same order`(threads: Int) throws {
    var augmentation = Augmentation(crop: .padded(1), flips: true)
    (augmentation.colorJitter, augmentation.randAugment) = (0.4, RandAugment(operations: 2))
    augmentation.randomErasing = 0.5
    let one = try pass(smallImages(300), options(augmentation: augmentation))
    #expect(try pass(smallImages(300), options(augmentation: augmentation, threads: threads)) == one)
  }

  @Test func `loaders of a data set have as many threads as it has workers, its held-out images too`() throws {
    var data = Dataset(
      name: "small", classNames: ["a", "b", "c", "d", "e"], normalization: .mnist, augmentation: .none,
      train: smallImages(50), test: smallImages(10))
    #expect(BatchLoader.Options.evaluation(data, batchSize: 5).threads == 1)
    data.workers = 3
    let split = try data.holdingOut(0.2, seed: 1)
    #expect(BatchLoader.Options.evaluation(split, batchSize: 5).threads == 3)
    #expect(BatchLoader.Options.training(split, batchSize: 5, seed: 1, epoch: 0).threads == 3)
    #expect(BatchLoader.Options.measuring(split, batchSize: 5, seed: 1).threads == 3)
  }

  @Test func `batches of large images get fewer threads, so that their memory stays below a gigabyte`() {
    let photograph = ImageShape(channels: 3, height: 224, width: 224)
    func threads(_ batchSize: Int, _ wanted: Int) -> Int {
      BatchLoader.threads(options(batchSize: batchSize, threads: wanted), photograph)
    }
    #expect(threads(128, 2) == 2 && threads(128, 8) == 8 && threads(250, 16) == 5 && threads(4096, 16) == 1)
    #expect(threads(1, 0) == 1)
  }

  @Test func `the last, smaller batch can be left out`() throws {
    let batches = try pass(smallImages(20), options(dropsLast: true))
    #expect(batches.map(\.labels.count) == [8, 8])
  }

  @Test func `fewer images than a batch with the last left out are no batches`() throws {
    #expect(try pass(smallImages(5), options(dropsLast: true)).isEmpty)
  }

  @Test func `after the last batch there is none, however often one asks`() throws {
    let loader = BatchLoader(smallImages(3), options())
    #expect(try loader.next() != nil)
    #expect(try loader.next() == nil)
    #expect(try loader.next() == nil)
  }

  @Test func `a batch keeps its contents while the loader works ahead`() throws {
    let source = WatchedImages(smallImages(40))
    let loader = BatchLoader(source, options(batchSize: 1, order: .asStored))
    let batch = try #require(try loader.next())
    // Three buffers: with the first lent, the thread can fill two more.
    source.wait(untilWritten: 3)
    let contents = UnsafeBufferPointer(start: batch.images, count: batch.shape.count)
    #expect(contents.map { UInt8($0.rounded()) } == Array(source.images.pixels.prefix(12)))
  }

  @Test(arguments: [1, 4]) func `letting go of a loader early stops its threads`(threads: Int) throws {
    for taken in 0..<20 {
      let source = WatchedImages(smallImages(400))
      var loader: BatchLoader? = BatchLoader(source, options(threads: threads))
      for _ in 0..<taken { _ = try loader?.next() }
      loader = nil
      #expect(source.isIdle)
    }
  }

  @Test func `a loader nobody asks stops too`() {
    for _ in 0..<200 { _ = BatchLoader(smallImages(400), options(threads: 2)) }
  }

  @Test func `batches before a failing image are still delivered`() throws {
    let source = WatchedImages(smallImages(40), failing: 20)
    let loader = BatchLoader(source, options(order: .asStored, threads: 3))
    #expect(try loader.next()?.number == 0)
    #expect(try loader.next()?.number == 1)
    #expect(throws: DatasetError.badOption("image 20")) { try loader.next() }
  }
}

/// Images that count how often they were asked for, and may fail.
private final class WatchedImages: ImageSource, @unchecked Sendable {
  let images: InMemoryImages
  private let failing: Int?
  private let condition = NSCondition()
  private var started = 0
  private var written = 0

  init(_ images: InMemoryImages, failing: Int? = nil) {
    self.images = images
    self.failing = failing
  }

  var count: Int { images.count }
  var shape: ImageShape { images.shape }
  var isIdle: Bool { condition.withLock { started == written } }

  func label(at index: Int) -> Int { images.label(at: index) }

  func write(_ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>) throws {
    condition.withLock { started += 1 }
    if index == failing { throw DatasetError.badOption("image \(index)") }
    try images.write(index, crop: crop, random: &random, to: pixels)
    condition.withLock {
      written += 1
      condition.broadcast()
    }
  }

  func wait(untilWritten count: Int) {
    condition.withLock { while written < count { condition.wait() } }
  }
}
