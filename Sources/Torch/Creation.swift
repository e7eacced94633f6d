import CTorch

/// Swift types that are elements of a tensor.
public protocol TensorElement: Sendable {
  static var dtype: Tensor.DType { get }
  static var zero: Self { get }
}

extension Float: TensorElement { public static var dtype: Tensor.DType { .float32 } }
extension Double: TensorElement { public static var dtype: Tensor.DType { .float64 } }
extension Int64: TensorElement { public static var dtype: Tensor.DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: Tensor.DType { .uint8 } }

extension Tensor {
  /// Copies `values`, given in row-major order, into a tensor of `shape`.
  public init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
    self = values.withUnsafeBytes { Tensor(copying: $0, dtype: Element.dtype, shape: shape) }
  }

  /// Copies raw bytes, row-major, into a tensor of `shape`.
  public init(copying bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) {
    precondition(bytes.count == dtype.size * shape.reduce(1, *), "\(bytes.count) bytes for shape \(shape) of \(dtype)")
    var nothing: UInt8 = 0
    self = withUnsafeBytes(of: &nothing) { empty in
      let base = bytes.baseAddress ?? empty.baseAddress
      guard let base else { preconditionFailure("no address") }
      return Tensor(owning: ct_copy_bytes(base, dtype.code, int64(shape), Int32(shape.count)))
    }
  }

  /// A view of memory that the caller keeps alive and does not change while the tensor is read; `strides` in elements.
  package init(viewing memory: UnsafeMutableRawPointer, dtype: DType, shape: [Int], strides: [Int]) {
    self.init(owning: ct_view_bytes(memory, dtype.code, int64(shape), int64(strides), Int32(shape.count)))
  }

  public init(repeating value: Double, shape: [Int], dtype: DType = .float32) {
    self.init(owning: ct_full(value, dtype.code, int64(shape), Int32(shape.count)))
  }

  public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(repeating: 0, shape: shape, dtype: dtype)
  }

  public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(repeating: 1, shape: shape, dtype: dtype)
  }

  public static func identity(_ n: Int, dtype: DType = .float32) -> Tensor {
    Tensor(owning: ct_eye(Int64(n), dtype.code))
  }

  /// Independent samples of the standard normal distribution.
  public static func normal(_ shape: [Int], dtype: DType = .float32, using generator: Generator) -> Tensor {
    withExtendedLifetime(generator) {
      Tensor(owning: ct_randn(generator.pointer, dtype.code, int64(shape), Int32(shape.count)))
    }
  }

  /// Independent samples of the uniform distribution on [low, high).
  public static func uniform(
    _ shape: [Int], in range: ClosedRange<Double>, dtype: DType = .float32, using generator: Generator
  ) -> Tensor {
    let unit = withExtendedLifetime(generator) {
      Tensor(owning: ct_rand(generator.pointer, dtype.code, int64(shape), Int32(shape.count)))
    }
    return unit * (range.upperBound - range.lowerBound) + range.lowerBound
  }
}

/// A stream of random numbers of libtorch on the CPU, from a seed.
public final class Generator {
  let pointer: OpaquePointer

  public init(seed: UInt64) { pointer = ct_generator_new(seed) }

  deinit { ct_generator_free(pointer) }
}

// MARK: Reading

extension Tensor {
  /// The elements in row-major order; `Element` must be the tensor's own type.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
    precondition(dtype == Element.dtype, "elements of \(dtype) read as \(Element.dtype)")
    var result = [Element](repeating: .zero, count: count)
    result.withUnsafeMutableBytes { read(into: $0) }
    return result
  }

  /// The elements in row-major order, converted.
  public var doubles: [Double] { to(.float64).values() }

  /// The only element of a tensor of one.
  public var item: Double {
    precondition(count == 1, "the item of a tensor of shape \(shape)")
    return withExtendedLifetime(storage) { ct_item(storage.pointer) }
  }

  /// Copies the elements in row-major order.
  public func read(into bytes: UnsafeMutableRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    let read = withExtendedLifetime(storage) { ct_read_bytes(storage.pointer, base, bytes.count) }
    if !read { trap() }
  }

  public func to(_ dtype: DType) -> Tensor { calling(self) { ct_to($0, dtype.code) } }
  public var contiguous: Tensor { calling(self, ct_contiguous) }
  /// The same N×C×H×W tensor with the channels of one pixel side by side in memory.
  public var channelsLast: Tensor { calling(self, ct_channels_last) }
  /// The same elements in memory of their own.
  public var clone: Tensor { calling(self, ct_clone) }
  /// The same elements, cut off from the record of gradients.
  public var detached: Tensor { calling(self, ct_detach) }
}
