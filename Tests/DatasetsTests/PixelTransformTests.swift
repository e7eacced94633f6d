import Testing

@testable import Datasets

@Suite struct PixelTransformTests {
  /// Byte v becomes v in channel 0, 1000 + v in channel 1 and so on.
  private func table(_ channels: Int) -> [Float] {
    (0..<channels).flatMap { channel in (0..<256).map { Float(1_000 * channel + $0) } }
  }

  private func apply(_ augmentation: Augmentation, to images: InMemoryImages, seed: UInt64 = 0) -> [Float] {
    let channels = images.shape.channels
    let transform = PixelTransform(shape: images.shape, augmentation: augmentation, table: table(channels))
    var random = RandomStream(seed: seed)
    return [Float](unsafeUninitializedCapacity: images.shape.count) { output, count in
      images.pixels.withUnsafeBufferPointer { pixels in
        guard let pixels = pixels.baseAddress, let output = output.baseAddress else { return }
        transform.apply(to: pixels, random: &random, output: output)
      }
      count = images.shape.count
    }
  }

  /// The same in the plainest way: pad, cut, mirror, look up.
  private func reference(_ images: InMemoryImages, down: Int, right: Int, mirrored: Bool) -> [Float] {
    let shape = images.shape
    var result: [Float] = []
    for y in 0..<shape.height {
      for x in 0..<shape.width {
        let (row, column) = (y + down, (mirrored ? shape.width - 1 - x : x) + right)
        for channel in 0..<shape.channels {
          let inside = 0..<shape.height ~= row && 0..<shape.width ~= column
          let byte = inside ? images.pixels[(row * shape.width + column) * shape.channels + channel] : 0
          result.append(Float(1_000 * channel + Int(byte)))
        }
      }
    }
    return result
  }

  @Test(arguments: [1, 2, 3, 4]) func `without augmentation every byte is looked up in its channel's table`(
    channels: Int
  ) {
    let images = smallImages(1, channels: channels)
    #expect(apply(.none, to: images) == reference(images, down: 0, right: 0, mirrored: false))
  }

  @Test(arguments: [1, 2, 3]) func `crop and flip equal padding, cutting and mirroring, and reach every place`(
    channels: Int
  ) {
    let images = smallImages(1, channels: channels)
    // Padding beyond the image's own size: some windows see nothing but zeros.
    let padding = 5
    var expected: [[Float]: [Int]] = [:]
    for down in -padding...padding {
      for right in -padding...padding {
        for mirrored in [false, true] {
          let pixels = reference(images, down: down, right: right, mirrored: mirrored)
          expected[pixels, default: []].append(0)
        }
      }
    }
    var seen: Set<[Float]> = []
    for seed in 0..<4_000 {
      seen.insert(apply(Augmentation(crop: .padded(padding), flips: true), to: images, seed: UInt64(seed)))
    }
    #expect(seen == Set(expected.keys))
  }

  @Test func `half of the images are mirrored`() {
    let images = smallImages(1)
    let mirrored = reference(images, down: 0, right: 0, mirrored: true)
    let count = (0..<1_000).filter { apply(Augmentation(flips: true), to: images, seed: UInt64($0)) == mirrored }.count
    #expect(420...580 ~= count)
  }

  @Test func `the table normalises as torchvision does: byte over 255, less mean, over std`() {
    let table = Normalization(mean: [0.5, 0.25], std: [0.5, 0.125]).table
    #expect(table.count == 512)
    #expect(table[0] == -1 && table[255] == 1)
    #expect(table[256] == -2 && table[511] == 6)
  }
}
