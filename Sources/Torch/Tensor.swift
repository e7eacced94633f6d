import CTorch

/// An n-dimensional array, an immutable value over libtorch's storage.
///
/// Copies share storage; no public operation writes to it. Operations on shapes that do not fit are mistakes of the
/// program and trap with libtorch's message; networks and files from outside are checked before they get here.
public struct Tensor: Sendable {
  let storage: Storage

  /// The reference that libtorch counts; given back when the last copy goes.
  final class Storage: @unchecked Sendable {
    // Unchecked: libtorch's reference count is atomic and nothing public writes to the elements.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { ct_free(pointer) }
  }

  /// Takes over a reference that the shim handed out; nil is a mistake of the program.
  init(owning pointer: OpaquePointer?) {
    guard let pointer else { trap() }
    storage = Storage(pointer)
  }

  /// Takes over a reference whose absence is a failure of the world.
  init(checking pointer: OpaquePointer?) throws {
    guard let pointer else { throw TorchError(message: String(cString: ct_last_error())) }
    storage = Storage(pointer)
  }
}

/// A failure inside libtorch that a program can meet through no mistake of its own.
public struct TorchError: Error, CustomStringConvertible {
  public let message: String
  public var description: String { message }
}

extension Tensor {
  /// The kind of a tensor's elements.
  public enum DType: UInt32, Sendable, CaseIterable {
    case float32, float64, bfloat16, int64, uint8, float16

    var code: ct_dtype { ct_dtype(rawValue: rawValue) }

    /// Bytes of one element.
    public var size: Int {
      switch self {
      case .float32: 4
      case .float64, .int64: 8
      case .bfloat16, .float16: 2
      case .uint8: 1
      }
    }
  }

  public var shape: [Int] { dimensions(ct_sizes) }

  /// Distance in elements between neighbours along each axis.
  public var strides: [Int] { dimensions(ct_strides) }

  public var count: Int { shape.reduce(1, *) }

  public var dtype: DType {
    let code = withExtendedLifetime(storage) { ct_dtype_of(storage.pointer) }
    guard let known = UInt32(exactly: code).flatMap(DType.init) else {
      preconditionFailure("a tensor of a type that Thresh does not handle")
    }
    return known
  }

  private func dimensions(_ read: (OpaquePointer, UnsafeMutablePointer<Int64>) -> Void) -> [Int] {
    withExtendedLifetime(storage) {
      let rank = Int(ct_rank(storage.pointer))
      guard rank > 0 else { return [] }
      return withUnsafeTemporaryAllocation(of: Int64.self, capacity: rank) { buffer in
        buffer.initialize(repeating: 0)
        guard let base = buffer.baseAddress else { return [] }
        read(storage.pointer, base)
        return buffer.map(Int.init)
      }
    }
  }
}

// MARK: Calling the shim

/// Calls the shim with one tensor that is kept alive for the call.
func calling(_ a: Tensor, _ body: (OpaquePointer) -> OpaquePointer?) -> Tensor {
  withExtendedLifetime(a.storage) { Tensor(owning: body(a.storage.pointer)) }
}

/// Calls the shim with two tensors that are kept alive for the call.
func calling(_ a: Tensor, _ b: Tensor, _ body: (OpaquePointer, OpaquePointer) -> OpaquePointer?) -> Tensor {
  withExtendedLifetime((a.storage, b.storage)) { Tensor(owning: body(a.storage.pointer, b.storage.pointer)) }
}

/// Calls `body` with the raw pointers of `tensors`, kept alive for the call.
func withPointers<Result>(
  _ tensors: [Tensor], _ body: (UnsafePointer<OpaquePointer>, Int32) -> Result
) -> Result {
  withExtendedLifetime(tensors) {
    let pointers = tensors.map(\.storage.pointer)
    return pointers.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else {
        return withUnsafeTemporaryAllocation(of: OpaquePointer.self, capacity: 1) { body($0.unsafeAddress, 0) }
      }
      return body(base, Int32(tensors.count))
    }
  }
}

extension UnsafeMutableBufferPointer {
  /// The address of a buffer that is known not to be empty.
  fileprivate var unsafeAddress: UnsafePointer<Element> {
    guard let base = baseAddress else { preconditionFailure("an empty buffer has no address") }
    return UnsafePointer(base)
  }
}

func int64(_ values: [Int]) -> [Int64] { values.map(Int64.init) }
