import CTorch

/// Element by element, in the wider type of the two; axes of one element, and axes that one side lacks in front, are
/// spread as libtorch does. Shapes that do not meet so are a mistake of the program and trap.
extension Tensor {
  public static func + (a: Tensor, b: Tensor) -> Tensor { calling(a, b, ct_add) }
  public static func - (a: Tensor, b: Tensor) -> Tensor { calling(a, b, ct_sub) }
  public static func * (a: Tensor, b: Tensor) -> Tensor { calling(a, b, ct_mul) }
  public static func / (a: Tensor, b: Tensor) -> Tensor { calling(a, b, ct_div) }
  public static func + (a: Tensor, b: Double) -> Tensor { calling(a) { ct_add_scalar($0, b) } }
  public static func - (a: Tensor, b: Double) -> Tensor { a + -b }
  public static func * (a: Tensor, b: Double) -> Tensor { calling(a) { ct_mul_scalar($0, b) } }
  public static func / (a: Tensor, b: Double) -> Tensor { a * (1 / b) }
  public static prefix func - (a: Tensor) -> Tensor { a * -1 }

  /// x^`exponent` of every element.
  public func power(_ exponent: Double) -> Tensor { calling(self) { ct_pow_scalar($0, exponent) } }
  /// |x| of every element.
  public var magnitude: Tensor { calling(self, ct_abs) }
  /// √x of every element.
  public var squareRoot: Tensor { calling(self, ct_sqrt) }
  /// Every element cut to the range; NaN stays.
  public func clamped(to range: ClosedRange<Double>) -> Tensor {
    calling(self) { ct_clamp($0, range.lowerBound, range.upperBound) }
  }
  /// (x)₊, the positive part.
  public var positivePart: Tensor { clamped(to: 0...Double.infinity) }

  /// exp(x) by its sum along `axis`, in the same shape.
  public func softmax(axis: Int) -> Tensor { calling(self) { ct_softmax($0, Int64(axis)) } }
  /// The logarithm of the same.
  public func logSoftmax(axis: Int) -> Tensor { calling(self) { ct_log_softmax($0, Int64(axis)) } }
  /// The place of the largest element along `axis`, without that axis, as int64.
  public func argmax(axis: Int) -> Tensor { calling(self) { ct_argmax($0, Int64(axis)) } }
  /// 1 where the elements are equal and 0 elsewhere, as int64.
  public func equals(_ other: Tensor) -> Tensor { calling(self, other, ct_equal_mask) }

  /// The sum of all elements, of rank 0.
  public var sum: Tensor { calling(self) { ct_sum($0, [0], 0, false) } }
  /// The sum over `axes`, which go, or stay with one element.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    calling(self) { ct_sum($0, int64(axes), Int32(axes.count), keepingAxes) }
  }
  /// The least and the largest element; NaN when any element is.
  public var extremes: (least: Double, largest: Double) {
    let both = calling(self, ct_extremes).doubles
    return (both[0], both[1])
  }
  /// How many elements lie in each of `bins` equal parts of low…high, as floating-point numbers; elements outside do not
  /// count.
  public func histogram(bins: Int, low: Double, high: Double) -> Tensor {
    calling(self) { ct_histogram($0, Int64(bins), low, high) }
  }
  /// The largest element over `axes`, which go, or stay with one element; where several are, the gradient is shared
  /// out.
  public func max(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    calling(self) { ct_amax($0, int64(axes), Int32(axes.count), keepingAxes) }
  }
  /// The largest |x|; NaN when any element is.
  public var maximumMagnitude: Double {
    count == 0 ? 0 : magnitude.reshaped([count]).max(axes: [0]).item
  }
}

// MARK: Shapes

extension Tensor {
  public func reshaped(_ shape: [Int]) -> Tensor {
    calling(self) { ct_reshape($0, int64(shape), Int32(shape.count)) }
  }
  /// All axes from `axis` on laid into one.
  public func flattened(from axis: Int) -> Tensor {
    reshaped(Array(shape[..<axis]) + [shape[axis...].reduce(1, *)])
  }
  public var transposed: Tensor { transposed(0, 1) }
  public func transposed(_ first: Int, _ second: Int) -> Tensor {
    calling(self) { ct_transpose($0, Int64(first), Int64(second)) }
  }
  /// The axes in another order.
  public func permuted(_ axes: [Int]) -> Tensor { calling(self) { ct_permute($0, int64(axes), Int32(axes.count)) } }
  /// Axes of one element repeated without a copy; −1 keeps an axis.
  public func expanded(_ shape: [Int]) -> Tensor { calling(self) { ct_expand($0, int64(shape), Int32(shape.count)) } }
  /// The elements from `start` up to `end` along `axis`, every `step`-th.
  public func slice(axis: Int, from start: Int, to end: Int, step: Int = 1) -> Tensor {
    calling(self) { ct_slice($0, Int64(axis), Int64(start), Int64(end), Int64(step)) }
  }
  /// The slices of `axis` at `indices`, in that order.
  public func selecting(_ indices: [Int], axis: Int) -> Tensor {
    let wanted = indices.isEmpty ? [0] : int64(indices)
    return calling(self) { ct_index_select($0, Int64(axis), wanted, Int64(indices.count)) }
  }
  public static func concatenated(_ parts: [Tensor], axis: Int) -> Tensor {
    Tensor(owning: withPointers(parts) { ct_cat($0, $1, Int64(axis)) })
  }
  /// Zeros around, or another value; `pads` as (before, after) from the last axis backwards, as torch.nn.functional.pad
  /// has it, negative ones to take elements away. A value beyond the numbers of the type is infinite.
  public func padded(_ pads: [Int], with value: Double = 0) -> Tensor {
    calling(self) { ct_pad($0, int64(pads), Int32(pads.count), value) }
  }
}
