import Testing

@testable import Datasets

/// Laws of mixup and CutMix.
@Suite struct MixingTests {
  private let shape = ImageShape(channels: 3, height: 12, width: 18)

  private func mixes(_ mixing: Mixing, _ count: Int = 4_000) -> [BatchMix] {
    (0..<count).compactMap { mixing.mix(seed: 5, epoch: 2, batch: $0, shape: shape) }
  }

  /// The images and labels of one batch of random images, before and after mixing.
  private func mixed(_ mix: BatchMix?, count: Int = 5) throws -> [[Float]] {
    var random = RandomStream(seed: 1)
    let images = InMemoryImages(
      shape: shape, pixels: (0..<count * shape.count).map { _ in UInt8(random.below(256)) },
      labels: (0..<count).map { UInt8($0) })
    let options = BatchLoader.Options(
      batchSize: count, normalization: Normalization(mean: [0, 0, 0], std: [1, 1, 1]), augmentation: .none,
      order: .asStored, epoch: 0, firstBatch: 0, dropsLast: false, threads: 1)
    let batch = try #require(try BatchLoader(images, options).next())
    if let mix { batch.mix(mix) }
    #expect(batch.labelsBefore == (0..<count).map { Int64(($0 + count - 1) % count) })
    return (0..<count).map { Array(UnsafeBufferPointer(start: batch.images + $0 * shape.count, count: shape.count)) }
  }

  @Test func `mixup gives every position the mean of its image and the one before it`() throws {
    let images = try mixed(nil)
    let result = try mixed(BatchMix(share: 0.3))
    for position in images.indices {
      let other = images[(position + 4) % 5]
      let expected = zip(images[position], other).map { Float(0.3) * $0 + Float(0.7) * $1 }
      #expect(result[position] == expected)
    }
  }

  @Test func `CutMix gives every position a rectangle of the image before it, of the area that its label loses`() throws
  {
    let images = try mixed(nil)
    for mix in mixes(Mixing(cutmix: 1), 40) {
      let result = try mixed(mix)
      for position in images.indices {
        let other = images[(position + 4) % 5]
        let own = zip(result[position], images[position]).filter { $0 == $1 }.count
        let taken = zip(result[position], other).filter { $0 == $1 }.count
        let area = Double(shape.count)
        // Bytes of two random images agree now and then.
        #expect(Double(own) / area >= mix.share - 1e-9 && Double(own) / area <= mix.share + 0.03)
        #expect(Double(taken) / area >= 1 - mix.share - 1e-9)
      }
    }
  }

  @Test func `rectangles reach every place and lie in the image`() {
    let boxes = mixes(Mixing(cutmix: 1)).compactMap(\.box)
    #expect(boxes.count == 4_000)
    #expect(boxes.allSatisfy { $0.rows.lowerBound >= 0 && $0.rows.upperBound <= 12 && $0.columns.upperBound <= 18 })
    #expect((0..<12).allSatisfy { row in boxes.contains { $0.rows.contains(row) } })
    #expect(boxes.contains { $0.rows.count == 12 || $0.rows.isEmpty })
  }

  @Test(arguments: [0.01, 0.2, 1, 8]) func `shares are spread by the Beta distribution`(alpha: Double) {
    let shares = mixes(Mixing(mixup: alpha), 20_000).map(\.share)
    #expect(shares.allSatisfy { (0...1).contains($0) })
    let mean = shares.reduce(0, +) / 20_000
    let variance = shares.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 20_000
    // Of Beta(α, α): 1/2 and 1/(4(2α + 1)).
    #expect(abs(mean - 0.5) < 0.015)
    #expect(abs(variance / (0.25 / (2 * alpha + 1)) - 1) < 0.05)
  }

  @Test func `of both kinds either mixes half of the batches, and one alone all of them`() {
    let both = mixes(Mixing(mixup: 0.2, cutmix: 1))
    #expect(both.count == 4_000)
    #expect(1_850...2_150 ~= both.filter { $0.box == nil }.count)
    #expect(mixes(Mixing(mixup: 0.2)).allSatisfy { $0.box == nil })
    #expect(mixes(Mixing(cutmix: 1)).allSatisfy { $0.box != nil })
    #expect(mixes(Mixing()).isEmpty)
  }

  @Test func `a mix depends on seed, epoch and number of the batch alone`() {
    let mixing = Mixing(mixup: 0.4, cutmix: 1)
    func mix(_ seed: UInt64, _ epoch: Int, _ batch: Int) -> BatchMix? {
      mixing.mix(seed: seed, epoch: epoch, batch: batch, shape: shape)
    }
    #expect(mix(1, 2, 3) == mix(1, 2, 3))
    #expect(Set([mix(1, 2, 3), mix(2, 2, 3), mix(1, 3, 3), mix(1, 2, 4)].map { $0?.share }).count == 4)
  }

  @Test func `a batch of one image stays as it is`() throws {
    #expect(try mixed(BatchMix(share: 0.3), count: 1) == mixed(nil, count: 1))
  }
}
