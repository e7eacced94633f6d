/// Antialiased bilinear resizing in Pillow's own fixed-point arithmetic, so that networks see what they see in Python.
///
/// Source: Pillow, `src/libImaging/Resample.c`, `ImagingResample` with the bilinear filter and 8-bit channels.
struct Resampling {
  private let rows: Taps
  private let columns: Taps

  /// Only the wanted `rows` and `columns` of the result are computed.
  ///
  /// - Parameters:
  ///   - from: height and width of the source.
  ///   - to: height and width of the whole result.
  init(from: (height: Int, width: Int), to: (height: Int, width: Int), rows: Range<Int>, columns: Range<Int>) {
    self.rows = Taps(from: from.height, to: to.height, wanted: rows)
    self.columns = Taps(from: from.width, to: to.width, wanted: columns)
  }

  /// Resizes the pixels at `source`, whose rows lie `stride` bytes apart, writing rows without gaps.
  ///
  /// Pillow first resizes the rows, rounds to bytes, then the columns; without that rounding results differ by one.
  func callAsFunction(
    _ source: UnsafePointer<UInt8>, stride: Int, channels: Int, to output: UnsafeMutablePointer<UInt8>
  ) {
    let needed = rows.reach
    let width = columns.count * channels
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, needed.count * width)) { narrow in
      guard let narrow = narrow.baseAddress else { return }
      for y in 0..<needed.count {
        let row = source + (needed.lowerBound + y) * stride
        columns.forEach { x, first, weights in
          for channel in 0..<channels {
            let start = row + first * channels + channel
            narrow[y * width + x * channels + channel] = Taps.sum(weights, start, stride: channels)
          }
        }
      }
      rows.forEach { y, first, weights in
        let start = narrow + (first - needed.lowerBound) * width
        for x in 0..<width { output[y * width + x] = Taps.sum(weights, start + x, stride: width) }
      }
    }
  }
}

/// Which source pixels make each pixel of the result along one axis, and how much of each.
private struct Taps {
  /// 32 − 8 − 2 bits: room for 8-bit pixels and a sign.
  private static let precision: Int32 = 22

  private var firsts: [Int] = []
  /// Where the weights of each result pixel end.
  private var ends: [Int] = []
  private var weights: [Int32] = []

  var count: Int { firsts.count }

  /// The source pixels that any of the result needs.
  var reach: Range<Int> {
    guard let first = firsts.first, let last = firsts.last, let end = ends.last else { return 0..<0 }
    return first..<last + end - (ends.dropLast().last ?? 0)
  }

  /// A triangle as wide as the scale, around each pixel's centre.
  init(from: Int, to: Int, wanted: Range<Int>) {
    // Pillow copies an axis that keeps its size.
    let scale = from == to ? 1 : Double(from) / Double(to)
    let support = max(scale, 1)
    for index in wanted {
      let center = (Double(index) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let last = min(from, Int(center + support + 0.5))
      let raw = (first..<last).map { max(0, 1 - abs((Double($0) - center + 0.5) / support)) }
      let total = raw.reduce(0, +)
      firsts.append(first)
      weights += raw.map { Int32(($0 / total * Double(1 << Self.precision)).rounded()) }
      ends.append(weights.count)
    }
  }

  /// Calls `body` with each pixel of the result, its first source pixel and its weights.
  @inline(__always)
  func forEach(_ body: (Int, Int, UnsafeBufferPointer<Int32>) -> Void) {
    weights.withUnsafeBufferPointer { weights in
      var begin = 0
      for index in 0..<firsts.count {
        body(index, firsts[index], UnsafeBufferPointer(rebasing: weights[begin..<ends[index]]))
        begin = ends[index]
      }
    }
  }

  @inline(__always)
  static func sum(_ weights: UnsafeBufferPointer<Int32>, _ start: UnsafePointer<UInt8>, stride: Int) -> UInt8 {
    var sum: Int32 = 1 << (precision - 1)
    for index in 0..<weights.count { sum &+= weights[index] &* Int32(start[index &* stride]) }
    return UInt8(clamping: sum >> precision)
  }
}
