/// Moves, mirrors, distorts and normalises the bytes of one image: the inner loop of the loader.
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
    if augmentation.changesBytes {
      distort(bytes, (down, right), mirrored, random: &random, output: output)
    } else {
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
    if augmentation.randomErasing > 0, random.uniform() < augmentation.randomErasing {
      RandomPart(erasedFrom: shape, random: &random)?.erase(output, of: shape)
    }
  }

  /// The same with operations on the moved and mirrored bytes before they are normalised.
  private func distort(
    _ bytes: UnsafePointer<UInt8>, _ moved: (down: Int, right: Int), _ mirrored: Bool, random: inout RandomStream,
    output: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * shape.count) { scratch in
      guard let pixels = scratch.baseAddress else { return }
      move(bytes, moved, mirrored, to: pixels)
      let image = ImageOperations(shape: shape, pixels: pixels, spare: pixels + shape.count)
      augmentation.apply(to: image, random: &random)
      table.withUnsafeBufferPointer { table in
        for channel in 0..<shape.channels {
          for index in stride(from: channel, to: shape.count, by: shape.channels) {
            output[index] = table[256 * channel + Int(pixels[index])]
          }
        }
      }
    }
  }

  private func move(
    _ bytes: UnsafePointer<UInt8>, _ moved: (down: Int, right: Int), _ mirrored: Bool,
    to pixels: UnsafeMutablePointer<UInt8>
  ) {
    let (width, channels) = (shape.width, shape.channels)
    for y in 0..<shape.height {
      for x in 0..<width {
        let (row, column) = (y + moved.down, (mirrored ? width - 1 - x : x) + moved.right)
        let target = pixels + (y * width + x) * channels
        let isInside = 0..<shape.height ~= row && 0..<width ~= column
        let source = bytes + (isInside ? row * width + column : 0) * channels
        for channel in 0..<channels { target[channel] = isInside ? source[channel] : 0 }
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
