import Containers
import Foundation
import Torch

/// The numbers of a checkpoint's tensors.
struct PyTorchStorages {
  /// The file's name.
  let file: String
  /// Whether elements have their highest byte first.
  let isBigEndian: Bool
  /// The bytes under a key; nil where there are none.
  let bytes: (String) throws -> Data?

  /// What a persistent identifier says of a storage: ("storage", class, key, device, count).
  struct Identity {
    let type: String
    let key: String

    init?(_ box: Pickled.Box) {
      guard case .tuple(let parts) = box.items.first, parts.items.count >= 3, case .global(let type) = parts.items[1],
        case .text(let key) = parts.items[2]
      else { return nil }
      (self.type, self.key) = (type, key)
    }
  }

  func tensor(_ pickled: PickledTensor, at path: [String]) -> StoredTensor {
    let name = path.joined(separator: ".")
    switch pickled {
    case .other(let kind):
      return StoredTensor(
        path: path, shape: nil, type: kind, isFloat: false, read: { throw problem(name, "is \(kind)") })
    case .strided(let identity, let word, let offset, let shape, let strides):
      let type = PyTorchType(word)
      return StoredTensor(
        path: path, shape: shape, type: type?.name ?? word, isFloat: type?.isFloat ?? false,
        read: {
          guard let type, let element = type.element else {
            throw problem(name, "is of type \(type?.name ?? word), expected floating-point numbers")
          }
          guard let data = try bytes(identity.key) else { throw problem(name, "has no data") }
          let view = StridedView(offset: offset, shape: shape, strides: strides, size: type.size)
          guard view.lies(in: data.count / type.size) else {
            throw problem(name, "reaches beyond its \(data.count / type.size) numbers")
          }
          let tensor = data.withUnsafeBytes { view.tensor(over: $0, element, isBigEndian: isBigEndian) }
          return type.isFloat ? tensor.to(.float32).contiguous : tensor
        })
    }
  }

  private func problem(_ key: String, _ sentence: String) -> ContainerError {
    ContainerError("\(file): tensor \(key) \(sentence); save the model's state_dict again")
  }
}

/// Elements of a storage, from where a tensor starts and with the strides it has.
private struct StridedView {
  let offset: Int
  let shape: [Int]
  let strides: [Int]
  /// Bytes of an element.
  let size: Int

  private var count: Int { shape.reduce(1, *) }

  /// Whether a storage of that many elements holds all of it.
  func lies(in available: Int) -> Bool {
    var (count, reach) = (1, offset)
    for (extent, stride) in zip(shape, strides) {
      let (product, isTooMany) = count.multipliedReportingOverflow(by: max(1, extent))
      let (step, isTooFar) = max(0, extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carries) = reach.addingReportingOverflow(step)
      guard extent >= 0, stride >= 0, !isTooMany, !isTooFar, !carries else { return false }
      (count, reach) = (product, sum)
    }
    // One number may be spread over a tensor, but not without end.
    return offset >= 0 && count <= 1 << 32 && (shape.contains(0) || reach < available)
  }

  func tensor(over raw: UnsafeRawBufferPointer, _ type: Tensor.DType, isBigEndian: Bool) -> Tensor {
    guard count > 0 else { return Tensor.zeros(shape, dtype: type) }
    if isContiguous, !isBigEndian {
      // Where every number is read once and in order, they are taken as they lie.
      let part = UnsafeRawBufferPointer(rebasing: raw[offset * size..<(offset + count) * size])
      return Tensor(copying: part, dtype: type, shape: shape)
    }
    var bytes = [UInt8](repeating: 0, count: count * size)
    for index in 0..<count {
      var (rest, source) = (index, offset)
      for axis in shape.indices.reversed() {
        source += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      for byte in 0..<size {
        bytes[index * size + byte] = raw[source * size + (isBigEndian ? size - 1 - byte : byte)]
      }
    }
    return bytes.withUnsafeBytes { Tensor(copying: $0, dtype: type, shape: shape) }
  }

  private var isContiguous: Bool {
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() {
      if extent != 1, stride != expected { return false }
      expected *= extent
    }
    return true
  }
}
