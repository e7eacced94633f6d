import Networks
import Torch

/// How one level of a Swin transformer cuts its pixels into windows.
private struct SwinWindows {
  /// Pixels along a window.
  let side = 7
  /// Height and width of the level.
  let size: [Int]
  /// By how many pixels the windows are moved down and to the right; 0 where one window holds all.
  let shift: [Int]

  init(size: [Int], shifted: Bool) {
    self.size = size
    shift = size.map { shifted && $0 > 7 ? 3 : 0 }
  }

  /// The size with as much at its end as makes windows whole.
  var padded: [Int] { size.map { ($0 + side - 1) / side * side } }

  var counts: [Int] { padded.map { $0 / side } }

  /// For each pair of a window's pixels the row of the table that has its bias: by the distance of the two.
  var pairs: [Int] {
    let pixels = (0..<side * side).map { ($0 / side, $0 % side) }
    return pixels.flatMap { a in
      pixels.map { b in (a.0 - b.0 + side - 1) * (2 * side - 1) + a.1 - b.1 + side - 1 }
    }
  }

  /// −100 for pixels that shifting brought into one window from different sides of the image; windows × 1 × pixels ×
  /// pixels.
  var mask: Tensor {
    func region(_ place: Int, _ axis: Int) -> Int {
      shift[axis] == 0 ? 0 : place < padded[axis] - side ? 0 : place < padded[axis] - shift[axis] ? 1 : 2
    }
    var values: [Float] = []
    for window in 0..<counts[0] * counts[1] {
      let regions = (0..<side * side).map { pixel in
        3 * region(window / counts[1] * side + pixel / side, 0) + region(window % counts[1] * side + pixel % side, 1)
      }
      for a in regions { values += regions.map { $0 == a ? 0 : -100 } }
    }
    return Tensor(values, shape: [counts[0] * counts[1], 1, side * side, side * side])
  }
}

extension NetworkBuilder {
  /// Swin-T (Liu et al. 2021), with torchvision's names.
  ///
  /// Values are height × width × channels. torchvision's stochastic depth, which acts in training only, is left out.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func swinTiny(classes: Int) throws -> Network {
    var x = try convolution(input, "features.0.0", units: 96, kernel: [4, 4], stride: [4, 4], bias: true)
    x = try layerNorm(transpose(x, [1, 2, 0]), "features.0.2")
    for (stage, (blocks, heads)) in zip([2, 2, 6, 2], [3, 6, 12, 24]).enumerated() {
      if stage > 0 { x = try merged(x, "features.\(2 * stage)") }
      for block in 0..<blocks {
        let windows = SwinWindows(size: Array(shape(of: x).prefix(2)), shifted: block % 2 == 1)
        x = try swinBlock(x, "features.\(2 * stage + 1).\(block)", windows, heads: heads)
      }
    }
    x = try transpose(layerNorm(x, "norm"), [2, 0, 1])
    return try pooledClassifier(x, "head", classes: classes)
  }

  /// Each 2×2 pixels as one of twice the channels.
  private mutating func merged(_ x: String, _ name: String) throws -> String {
    var x = x
    for axis in [0, 1] where shape(of: x)[axis] % 2 > 0 {
      x = try append(Pad(axis: axis, before: 0, after: 1), reading: [x])
    }
    let size = shape(of: x)
    var parts: [String] = []
    for (row, column) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
      let rows = try slice(x, axis: 0, row..<size[0], step: 2)
      parts.append(try slice(rows, axis: 1, column..<size[1], step: 2))
    }
    let joined = try append(Concatenate(axis: 2), reading: parts)
    return try linear(layerNorm(joined, "\(name).norm"), "\(name).reduction", units: 2 * size[2], bias: false)
  }

  private mutating func swinBlock(
    _ x: String, _ name: String, _ windows: SwinWindows, heads: Int
  ) throws -> String {
    let width = shape(of: x)[2]
    let y = try add(x, windowAttention(layerNorm(x, "\(name).norm1"), "\(name).attn", windows, heads: heads))
    let inner = try linear(layerNorm(y, "\(name).norm2"), "\(name).mlp.0", units: 4 * width)
    return try add(y, linear(activation(inner, .gelu(approximated: false)), "\(name).mlp.3", units: width))
  }

  /// Attention within each window, with a bias for each distance (section 3.2).
  private mutating func windowAttention(
    _ x: String, _ name: String, _ windows: SwinWindows, heads: Int
  ) throws -> String {
    let (side, counts, width) = (windows.side, windows.counts, shape(of: x)[2])
    let pixels = side * side
    var y = x
    for axis in [0, 1] where windows.padded[axis] > windows.size[axis] {
      y = try append(Pad(axis: axis, before: 0, after: windows.padded[axis] - windows.size[axis]), reading: [y])
    }
    for axis in [0, 1] { y = try rolled(y, axis: axis, by: windows.shift[axis]) }
    y = try transpose(reshape(y, [counts[0], side, counts[1], side, width]), [0, 2, 1, 3, 4])
    y = try reshape(y, [counts[0] * counts[1], pixels, width])
    let table = try trained("\(name).relative_position_bias_table", shape: [(2 * side - 1) * (2 * side - 1), heads])
    let biases = try append(Gather(axis: 0, indices: windows.pairs), reading: [table])
    var added = [try reshape(transpose(biases, [1, 0]), [1, heads, pixels, pixels])]
    if windows.shift.contains(where: { $0 > 0 }) {
      added.append(try append(Stored(), "\(name).mask", reading: [], parameters: [.constant: windows.mask]))
    }
    y = try linear(y, "\(name).qkv", units: 3 * width)
    y = try linear(attention(y, heads: heads, adding: added), "\(name).proj", units: width)
    y = try transpose(reshape(y, [counts[0], counts[1], side, side, width]), [0, 2, 1, 3, 4])
    y = try reshape(y, windows.padded + [width])
    for axis in [0, 1] { y = try rolled(y, axis: axis, by: windows.padded[axis] - windows.shift[axis]) }
    for axis in [0, 1] where windows.padded[axis] > windows.size[axis] {
      y = try slice(y, axis: axis, 0..<windows.size[axis])
    }
    return y
  }

  /// The elements along an axis from `first` on, those before it behind them.
  private mutating func rolled(_ x: String, axis: Int, by first: Int) throws -> String {
    let count = shape(of: x)[axis]
    guard 0 < first, first < count else { return x }
    return try append(
      Concatenate(axis: axis), reading: [slice(x, axis: axis, first..<count), slice(x, axis: axis, 0..<first)])
  }
}
