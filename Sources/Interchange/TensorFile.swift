import Containers
import Foundation
import Torch

extension Safetensors {
  /// Every tensor of the file by name, in float32 (integers as they are).
  ///
  /// `num_batches_tracked`, which PyTorch counts and nothing here reads, is left out.
  ///
  /// - Parameter wanted: the names that are read; nil for all.
  /// - Throws: `ContainerError` naming a tensor of a type that weights do not have.
  public func tensors(named wanted: Set<String>? = nil) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for entry in entries where !entry.name.hasSuffix("num_batches_tracked") && wanted?.contains(entry.name) != false {
      result[entry.name] = try tensor(entry)
    }
    return result
  }

  /// The tensor in float32 (integers as they are).
  func tensor(_ entry: Entry) throws -> Tensor {
    let dtype: Tensor.DType
    switch entry.type {
    case .float32: dtype = .float32
    case .float64: dtype = .float64
    case .bfloat16: dtype = .bfloat16
    case .float16: dtype = .float16
    case .int64: dtype = .int64
    default:
      throw ContainerError(
        """
        tensor \(entry.name) in \(file.lastPathComponent) is of type \(entry.type.rawValue), expected F32, F64, F16, \
        BF16 or I64; convert it
        """)
    }
    let stored = withUnsafeBytes(of: entry) { Tensor(copying: $0, dtype: dtype, shape: entry.shape) }
    return dtype == .int64 ? stored : stored.to(.float32)
  }
}

/// Tensors by name in a safetensors file.
public enum TensorFile {
  /// Writes tensors and metadata, whole or not at all.
  ///
  /// - Throws: `ContainerError` when the disk refuses.
  public static func write(_ tensors: [String: Tensor], metadata: [String: String], to file: URL) throws {
    var buffers: [UnsafeMutableRawBufferPointer] = []
    defer { buffers.forEach { $0.deallocate() } }
    var contents: [Safetensors.Content] = []
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.count * tensor.dtype.size, alignment: 64)
      buffers.append(bytes)
      tensor.read(into: bytes)
      contents.append(
        Safetensors.Content(
          name: name, type: elementType(tensor.dtype), shape: tensor.shape, bytes: UnsafeRawBufferPointer(bytes)))
    }
    try Safetensors.write(contents, metadata: metadata, to: file)
  }

  private static func elementType(_ dtype: Tensor.DType) -> Safetensors.ElementType {
    switch dtype {
    case .float32: .float32
    case .float64: .float64
    case .bfloat16: .bfloat16
    case .int64: .int64
    case .uint8: .uint8
    case .float16: .float16
    }
  }
}
