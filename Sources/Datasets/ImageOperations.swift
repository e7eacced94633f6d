/// Changes the colours of one image of bytes in place, each function as torchvision's of the same name changes a uint8
/// tensor.
///
/// Source: torchvision 0.28, `transforms/_functional_tensor.py`. Its blends are cut off to whole numbers, not rounded.
struct ImageOperations {
  /// Of the image; colours are three channels, anything else is grey.
  let shape: ImageShape
  /// height × width × channels bytes.
  let pixels: UnsafeMutablePointer<UInt8>
  /// As many bytes, whose contents do not matter.
  let spare: UnsafeMutablePointer<UInt8>

  var pixelCount: Int { shape.height * shape.width }

  /// factor·x; 0 is black, 1 changes nothing.
  func adjustBrightness(_ factor: Double) { look(up: Self.table { Self.blend($0, 0, factor) }) }

  /// A blend with the mean grey; 0 is plain grey, 1 changes nothing.
  func adjustContrast(_ factor: Double) {
    var sum = 0
    for pixel in 0..<pixelCount { sum += Int(grey(pixel)) }
    let mean = Float(Double(sum) / Double(pixelCount))
    look(up: Self.table { Self.blend($0, mean, factor) })
  }

  /// A blend with the grey image; 0 is grey, 1 changes nothing. Grey images have no saturation and stay.
  func adjustSaturation(_ factor: Double) {
    guard shape.channels == 3 else { return }
    for pixel in 0..<pixelCount {
      let grey = Float(grey(pixel))
      for channel in 3 * pixel..<3 * pixel + 3 { pixels[channel] = Self.blend(Float(pixels[channel]), grey, factor) }
    }
  }

  /// A blend with the image smoothed over 3×3 pixels, but for the outermost; 0 is smooth, 1 changes nothing.
  func adjustSharpness(_ factor: Double) {
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    guard height > 2, width > 2 else { return }
    let row = width * channels
    spare.update(from: pixels, count: shape.count)
    // The outermost pixels are blended with themselves, which may cut one off.
    look(up: Self.table { Self.blend($0, $0, factor) })
    for y in 1..<height - 1 {
      for index in y * row + channels..<(y + 1) * row - channels {
        var sum = 4 * Int(spare[index])
        for line in [index - row, index, index + row] {
          sum += Int(spare[line - channels]) + Int(spare[line]) + Int(spare[line + channels])
        }
        // Thirteenths are never halves: any rounding is the same.
        pixels[index] = Self.blend(Float(spare[index]), Float((2 * sum + 13) / 26), factor)
      }
    }
  }

  /// Only the highest `bits` of every byte stay.
  func posterize(bits: Int) {
    let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
    for index in 0..<shape.count { pixels[index] &= mask }
  }

  /// Bytes from `threshold` on are inverted.
  func solarize(threshold: Double) {
    look(up: Self.table { Double($0) >= threshold ? 255 - UInt8($0) : UInt8($0) })
  }

  /// Every channel stretched to 0…255; one that has a single value stays.
  func autocontrast() {
    for channel in 0..<shape.channels {
      let (least, largest) = extremes(channel)
      guard least < largest else { continue }
      let scale = 255 / (Float(largest) - Float(least))
      look(up: Self.table { Self.cut(($0 - Float(least)) * scale) }, in: channel)
    }
  }

  /// The values of every channel spread so that its histogram becomes even.
  func equalize() {
    for channel in 0..<shape.channels {
      var histogram = [Int](repeating: 0, count: 256)
      for index in stride(from: channel, to: shape.count, by: shape.channels) { histogram[Int(pixels[index])] += 1 }
      let last = histogram.last { $0 > 0 } ?? 0
      let step = (pixelCount - last) / 255
      guard step > 0 else { continue }
      var sum = step / 2
      let table = histogram.map { count in
        defer { sum += count }
        return UInt8(clamping: sum / step)
      }
      look(up: table, in: channel)
    }
  }

  // MARK: - Bytes

  /// ratio·a + (1 − ratio)·b in float32, cut to 0…255 and to whole numbers.
  @inline(__always)
  private static func blend(_ a: Float, _ b: Float, _ ratio: Double) -> UInt8 {
    cut(Float(ratio) * a + Float(1 - ratio) * b)
  }

  @inline(__always)
  private static func cut(_ value: Float) -> UInt8 { UInt8(min(max(value, 0), 255)) }

  private static func table(_ value: (Float) -> UInt8) -> [UInt8] { (0..<256).map { value(Float($0)) } }

  private func look(up table: [UInt8]) {
    table.withUnsafeBufferPointer { table in
      for index in 0..<shape.count { pixels[index] = table[Int(pixels[index])] }
    }
  }

  private func look(up table: [UInt8], in channel: Int) {
    table.withUnsafeBufferPointer { table in
      for index in stride(from: channel, to: shape.count, by: shape.channels) {
        pixels[index] = table[Int(pixels[index])]
      }
    }
  }

  /// The luminance of a pixel, cut to a whole number (`rgb_to_grayscale`).
  @inline(__always)
  private func grey(_ pixel: Int) -> UInt8 {
    guard shape.channels == 3 else { return pixels[pixel * shape.channels] }
    let color = pixels + 3 * pixel
    let (red, green, blue) = (Float(color[0]), Float(color[1]), Float(color[2]))
    let sum: Float = 0.2989 * red + 0.587 * green
    return UInt8(sum + 0.114 * blue)
  }

  private func extremes(_ channel: Int) -> (UInt8, UInt8) {
    var (least, largest): (UInt8, UInt8) = (255, 0)
    for index in stride(from: channel, to: shape.count, by: shape.channels) {
      (least, largest) = (min(least, pixels[index]), max(largest, pixels[index]))
    }
    return (least, largest)
  }
}
