import Testing

@testable import Datasets

/// What is drawn for an image, and in which order it acts.
@Suite struct AugmentationTests {
  /// Values as bytes, without normalisation.
  private func augmented(
    _ augmentation: Augmentation, _ images: InMemoryImages, index: Int, epoch: Int = 0
  ) throws -> [Float] {
    let table = (0..<images.shape.channels).flatMap { _ in (0..<256).map(Float.init) }
    let transform = PixelTransform(shape: images.shape, augmentation: augmentation, table: table)
    var random = RandomStream(seed: 3, purpose: .augmentation, epoch: epoch, index: index)
    var bytes = [UInt8](repeating: 0, count: images.shape.count)
    return try [Float](unsafeUninitializedCapacity: images.shape.count) { output, count in
      try bytes.withUnsafeMutableBufferPointer { bytes in
        guard let bytes = bytes.baseAddress, let output = output.baseAddress else { return }
        try images.write(0, crop: augmentation.crop, random: &random, to: bytes)
        transform.apply(to: bytes, random: &random, output: output)
      }
      count = images.shape.count
    }
  }

  private func images(channels: Int = 3, side: Int = 12) -> InMemoryImages {
    let shape = ImageShape(channels: channels, height: side, width: side)
    var random = RandomStream(seed: 8)
    return InMemoryImages(shape: shape, pixels: (0..<shape.count).map { _ in UInt8(random.below(256)) }, labels: [0])
  }

  private var all: Augmentation {
    var result = Augmentation(crop: .padded(2), flips: true)
    (result.colorJitter, result.randAugment, result.randomErasing) = (0.4, RandAugment(operations: 2), 0.5)
    return result
  }

  @Test(arguments: [1, 3]) func `what an image becomes depends on its index and the epoch alone`(channels: Int) throws {
    let images = images(channels: channels)
    let first = try (0..<20).map { try augmented(all, images, index: $0) }
    #expect(try (0..<20).map { try augmented(all, images, index: $0) } == first)
    #expect(Set(first).count > 15)
    #expect(try augmented(all, images, index: 0, epoch: 1) != first[0])
  }

  @Test func `distortions that do nothing leave what crop and flip make of an image`() throws {
    let plain = Augmentation(crop: .padded(3), flips: true)
    var distorting = plain
    distorting.randAugment = RandAugment(operations: 0)
    for index in 0..<50 {
      #expect(try augmented(distorting, images(), index: index) == augmented(plain, images(), index: index))
    }
  }

  @Test func `colour jitter on a grey image changes its brightness and contrast`() throws {
    var jitter = Augmentation.none
    jitter.colorJitter = 0.5
    let images = images(channels: 1)
    let means = try (0..<200).map { try augmented(jitter, images, index: $0).reduce(0, +) / 144 }
    let mean = images.pixels.map(Float.init).reduce(0, +) / 144
    #expect(means.contains { $0 < 0.7 * mean } && means.contains { $0 > 1.2 * mean })
  }

  @Test func `erasing leaves the share of images whole that was not asked for`() throws {
    var erasing = Augmentation.none
    erasing.randomErasing = 0.25
    let images = images()
    let whole = try augmented(.none, images, index: 0)
    let erased = try (0..<1_000).filter { try augmented(erasing, images, index: $0) != whole }.count
    #expect(190...310 ~= erased)
    erasing.randomErasing = 1
    let one = try augmented(erasing, images, index: 0)
    #expect(zip(one, whole).allSatisfy { $0 == $1 || $0 == 0 } && one != whole)
  }

  @Test func `a part of an image in memory is resized as Pillow resizes it`() throws {
    let images = images(side: 24)
    let whole = try augmented(Augmentation(crop: .resized(area: 1...1, aspect: 1...1)), images, index: 0)
    #expect(whole == images.pixels.map(Float.init))
    // Of one colour every part is that colour; of columns that rise to the right every part rises.
    let rising = InMemoryImages(
      shape: images.shape, pixels: (0..<images.shape.count).map { UInt8($0 / 3 % 24 * 10) }, labels: [0])
    for index in 0..<50 {
      let part = try augmented(Augmentation(crop: .resized()), rising, index: index)
      #expect((0..<23).allSatisfy { part[3 * $0] <= part[3 * $0 + 3] } && part[0] < part[69])
    }
  }

  @Test func `RandAugment is written as operations and strength, the usual strength being 9`() {
    #expect(RandAugment("2") == RandAugment(operations: 2, magnitude: 9))
    #expect(RandAugment("3,15") == RandAugment(operations: 3, magnitude: 15))
    #expect(RandAugment("3, 15")?.description == "3,15")
    for word in ["", "a", "1,2,3", "1,", "1.5"] { #expect(RandAugment(word) == nil, "\(word)") }
  }
}
