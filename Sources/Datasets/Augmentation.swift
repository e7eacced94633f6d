/// How the part of an image that a network sees is chosen in training.
public enum Crop: Sendable, Hashable, Codable {
  /// The whole image, or the middle of one of natural size: what evaluation sees.
  case center
  /// A random window of the image's own size after padding with this many zero pixels (torchvision's `RandomCrop`).
  case padded(Int)
  /// A random window of an image of natural size whose shorter side was resized.
  case random
  /// A random part of an image of natural size, resized (torchvision's `RandomResizedCrop`).
  case resized(area: ClosedRange<Double> = 0.08...1, aspect: ClosedRange<Double> = 3.0 / 4...4.0 / 3)
}

/// How training images are varied.
///
/// Every choice is a function of the seed, the epoch and the image's index alone, so a resumed run sees the same.
public struct Augmentation: Sendable, Hashable, Codable {
  public var crop: Crop
  /// Whether half of the images are mirrored left to right.
  public var flips: Bool

  public init(crop: Crop = .center, flips: Bool = false) {
    self.crop = crop
    self.flips = flips
  }

  /// Images as they are: what evaluation sees.
  public static let none = Augmentation()
}

/// Moves, mirrors and normalises the bytes of one image: the inner loop of the loader.
struct PixelTransform {
  let shape: ImageShape
  let augmentation: Augmentation
  /// 256 values for each channel.
  let table: [Float]

  /// Reads height × width × channels bytes and writes as many numbers.
  func apply(to bytes: UnsafePointer<UInt8>, random: inout RandomStream, output: UnsafeMutablePointer<Float>) {
    var (down, right) = (0, 0)
    if case .padded(let padding) = augmentation.crop, padding > 0 {
      down = random.below(2 * padding + 1) - padding
      right = random.below(2 * padding + 1) - padding
    }
    let mirrored = augmentation.flips && random.next() & 1 == 1
    table.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return }
      for y in 0..<shape.height {
        let row = y + down
        let source = 0..<shape.height ~= row ? bytes + row * shape.width * shape.channels : nil
        let target = output + y * shape.width * shape.channels
        write(row: source, movedBy: right, mirrored: mirrored, table: table, to: target)
      }
    }
  }

  /// One row: zero pixels where the window leaves the image, table look-ups elsewhere.
  private func write(
    row: UnsafePointer<UInt8>?, movedBy right: Int, mirrored: Bool, table: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    let (width, channels) = (shape.width, shape.channels)
    // Columns of the window that lie in the image; before mirroring.
    let first = row == nil ? width : min(width, max(0, -right))
    let last = row == nil ? width : max(first, min(width, width - right))
    for x in 0..<first { writeZero(table, to: target + (mirrored ? width - 1 - x : x) * channels) }
    for x in last..<width { writeZero(table, to: target + (mirrored ? width - 1 - x : x) * channels) }
    guard let row, first < last else { return }
    var source = row + (first + right) * channels
    var output = target + (mirrored ? width - 1 - first : first) * channels
    let step = mirrored ? -channels : channels
    switch channels {
    case 1:
      for _ in first..<last {
        output[0] = table[Int(source[0])]
        source += 1
        output += step
      }
    case 3:
      for _ in first..<last {
        output[0] = table[Int(source[0])]
        output[1] = table[256 + Int(source[1])]
        output[2] = table[512 + Int(source[2])]
        source += 3
        output += step
      }
    default:
      for _ in first..<last {
        for channel in 0..<channels { output[channel] = table[256 * channel + Int(source[channel])] }
        source += channels
        output += step
      }
    }
  }

  /// torchvision pads before it normalises, so a padded pixel is a normalised black one.
  @inline(__always)
  private func writeZero(_ table: UnsafePointer<Float>, to pixel: UnsafeMutablePointer<Float>) {
    for channel in 0..<shape.channels { pixel[channel] = table[256 * channel] }
  }
}
