import Testing

@testable import Datasets

@Suite struct HoldOutTests {
  /// 100 images of class 0, 50 of class 1, 10 of class 2, mixed.
  private var data: Dataset {
    let labels = (0..<160).map { UInt8($0 % 16 == 0 ? 2 : $0 % 16 < 11 ? 0 : 1) }
    let shape = ImageShape(channels: 1, height: 1, width: 1)
    let images = InMemoryImages(shape: shape, pixels: (0..<160).map { UInt8($0) }, labels: labels)
    return Dataset(
      name: "three", classNames: ["a", "b", "c"], normalization: .mnist, augmentation: .none, train: images,
      test: images)
  }

  private func counts(_ source: any ImageSource) -> [Int] {
    (0..<3).map { label in (0..<source.count).filter { source.label(at: $0) == label }.count }
  }

  @Test func `every class gives the same share`() throws {
    let split = try data.holdingOut(0.1, seed: 1)
    #expect(counts(try #require(split.validation)) == [10, 5, 1])
    #expect(counts(split.train) == [90, 45, 9])
  }

  @Test func `no image is in both parts and none is lost`() throws {
    let split = try data.holdingOut(0.3, seed: 1)
    let held = try #require(split.validation)
    let pixels =
      try (0..<split.train.count).map { try split.train.pixels(at: $0)[0] }
      + (0..<held.count).map { try held.pixels(at: $0)[0] }
    #expect(pixels.sorted() == (0..<160).map { UInt8($0) })
  }

  @Test func `a seed always holds out the same images and another seed others`() throws {
    let splits = try [1, 1, 2].map { try StratifiedSplit(of: data.train, fraction: 0.2, seed: $0) }
    #expect(splits[0] == splits[1])
    #expect(splits[0] != splits[2])
  }

  @Test(arguments: [0, 1, -0.5, 1.5, .nan]) func `a share that is none is refused`(fraction: Double) {
    #expect(sentence { _ = try data.holdingOut(fraction, seed: 1) }.contains("lies between 0 and 1"))
  }

  @Test func `a share too small to hold out anything is refused`() {
    #expect(sentence { _ = try data.holdingOut(0.001, seed: 1) }.contains("leaves 0 of 160 images"))
  }
}
