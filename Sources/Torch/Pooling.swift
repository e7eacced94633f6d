import CTorch

/// How a two-dimensional pooling walks over its input; pairs are (vertical, horizontal).
///
/// Padding is in no window's maximum; in means it counts as zeros where `countIncludePad` says so.
public struct PoolingGeometry: Sendable, Hashable {
  public var kernel: [Int]
  public var stride: [Int]
  /// Above and to the left.
  public var padding: [Int]
  /// Below and to the right.
  public var endPadding: [Int]
  /// Whether a last window may reach beyond the padding, as long as it begins in front of it.
  public var ceilMode: Bool
  public var countIncludePad: Bool

  /// - Parameters:
  ///   - stride: nil for windows side by side.
  ///   - endPadding: nil for as much as `padding`.
  public init(
    kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0], endPadding: [Int]? = nil, ceilMode: Bool = false,
    countIncludePad: Bool = true
  ) {
    self.kernel = kernel
    self.stride = stride ?? kernel
    self.padding = padding
    self.endPadding = endPadding ?? padding
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
  }

  /// How many windows there are along an axis (0 vertical, 1 horizontal) of `size` pixels; nil where none fits.
  public func windows(along axis: Int, of size: Int) -> Int? {
    let room = size + padding[axis] + endPadding[axis] - kernel[axis]
    guard room >= 0 else { return nil }
    let whole = room / stride[axis] + 1
    // A window that would begin in the padding behind the image is dropped, as PyTorch does.
    let isOneMore = ceilMode && room % stride[axis] > 0 && whole * stride[axis] < size + padding[axis]
    return isOneMore ? whole + 1 : whole
  }

  /// Whether libtorch pools so by itself: with the same padding on both sides, of no more than half a window.
  package var isSymmetric: Bool { padding == endPadding && zip(padding, kernel).allSatisfy { 2 * $0 <= $1 } }

  /// What lies around images of height × width pixels in the windows, as `Tensor.padded` takes it; negative where the
  /// last pixels are in no window.
  package func margins(of size: [Int]) -> [Int] {
    [1, 0].flatMap { axis in
      let windows = windows(along: axis, of: size[axis]) ?? 1
      return [padding[axis], (windows - 1) * stride[axis] + kernel[axis] - padding[axis] - size[axis]]
    }
  }

  /// The part of `margins` that is padding.
  package var pads: [Int] { [padding[1], endPadding[1], padding[0], endPadding[0]] }

  fileprivate var shim: ct_pooling {
    ct_pooling(
      kernel: pair(kernel), stride: pair(stride), padding: pair(padding), ceil_mode: ceilMode,
      count_include_pad: countIncludePad)
  }
}

extension PoolingGeometry: Codable {
  private enum CodingKeys: CodingKey { case kernel, stride, padding, endPadding, ceilMode, countIncludePad }

  /// Files from before sides could differ have no padding of the end.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      kernel: try container.decode([Int].self, forKey: .kernel),
      stride: try container.decode([Int].self, forKey: .stride),
      padding: try container.decode([Int].self, forKey: .padding),
      endPadding: try container.decodeIfPresent([Int].self, forKey: .endPadding),
      ceilMode: try container.decode(Bool.self, forKey: .ceilMode),
      countIncludePad: try container.decode(Bool.self, forKey: .countIncludePad))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kernel, forKey: .kernel)
    try container.encode(stride, forKey: .stride)
    try container.encode(padding, forKey: .padding)
    if endPadding != padding { try container.encode(endPadding, forKey: .endPadding) }
    try container.encode(ceilMode, forKey: .ceilMode)
    try container.encode(countIncludePad, forKey: .countIncludePad)
  }
}

extension Tensor {
  /// The largest value of each window of N×C×H×W.
  public func maxPooled(_ geometry: PoolingGeometry) -> Tensor {
    guard geometry.isSymmetric else {
      let around = padded(geometry.margins(of: Array(shape[2...])), with: -.infinity)
      return around.maxPooled(PoolingGeometry(kernel: geometry.kernel, stride: geometry.stride))
    }
    var shim = geometry.shim
    return calling(self) { ct_max_pool2d($0, &shim) }
  }

  /// The mean of each window of N×C×H×W.
  public func averagePooled(_ geometry: PoolingGeometry) -> Tensor {
    guard geometry.isSymmetric else {
      let windows = PoolingGeometry(kernel: geometry.kernel, stride: geometry.stride)
      let means = padded(geometry.margins(of: Array(shape[2...]))).averagePooled(windows)
      // The mean of a window's pixels that count is that of all by their share.
      return means / geometry.counted(of: Array(shape[2...]), dtype).averagePooled(windows).to(dtype).to(device)
    }
    var shim = geometry.shim
    return calling(self) { ct_avg_pool2d($0, &shim) }
  }
}

extension PoolingGeometry {
  /// 1 for every pixel in the windows that a mean counts, else 0.
  fileprivate func counted(of size: [Int], _ dtype: Tensor.DType) -> Tensor {
    let margins = margins(of: size)
    let image = Tensor.ones([1, 1] + size, dtype: dtype == .float64 ? .float64 : .float32)
    guard countIncludePad else { return image.padded(margins) }
    return image.padded(pads, with: 1).padded(zip(margins, pads).map { $0 - $1 })
  }
}
