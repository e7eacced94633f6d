import Foundation

/// A built-in set: pictures of the characters 0-9A-Z, drawn from a seed, for when no data can be had.
///
/// 32×32 grey, 36 classes in turn; the same bytes on every machine.
public struct Glyphs: Sendable, Hashable, Codable {
  /// The name it is asked for by.
  public static let name = "glyphs"

  /// How many training images are drawn.
  public var train: Int
  /// How many test images are drawn.
  public var test: Int
  public var seed: UInt64

  public init(train: Int = 20_000, test: Int = 4_000, seed: UInt64 = 0) {
    self.train = train
    self.test = test
    self.seed = seed
  }

  /// Draws both parts, on all cores.
  public func dataset() -> Dataset {
    let trainImages = images(train, part: 0)
    return Dataset(
      name: Self.name, classNames: GlyphStrokes.characters.map(String.init),
      normalization: Normalization(of: trainImages),
      augmentation: Augmentation(crop: .padded(2)), train: trainImages, test: images(test, part: 1))
  }

  /// `part` keeps training and test images apart under one seed.
  private func images(_ count: Int, part: Int) -> InMemoryImages {
    let shape = ImageShape(channels: 1, height: GlyphDrawing.side, width: GlyphDrawing.side)
    let strokes = GlyphStrokes()
    let pixels = [UInt8](unsafeUninitializedCapacity: count * shape.count) { buffer, initialized in
      // Every image has bytes of its own, so threads never meet.
      nonisolated(unsafe) let bytes = buffer
      let chunk = 250
      DispatchQueue.concurrentPerform(iterations: (count + chunk - 1) / chunk) { number in
        for index in number * chunk..<min(count, (number + 1) * chunk) {
          var drawing = GlyphDrawing(random: RandomStream(seed: seed, purpose: .glyphs, epoch: part, index: index))
          let picture = drawing.draw(strokes.chains[index % strokes.chains.count])
          _ = bytes[(index * shape.count)...].update(fromContentsOf: picture)
        }
      }
      initialized = count * shape.count
    }
    let labels = (0..<count).map { UInt8($0 % GlyphStrokes.characters.count) }
    return InMemoryImages(shape: shape, pixels: pixels, labels: labels)
  }
}
