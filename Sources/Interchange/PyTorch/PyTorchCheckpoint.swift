import Containers
import Foundation
import Torch

/// State dicts in files of PyTorch (`.pth`, `.pt`), from version 1.6 on.
public enum PyTorchCheckpoint {
  /// Whether a file's name says that it is one.
  public static func isNamed(_ file: URL) -> Bool {
    ["pth", "pt", "th", "pkl", "bin", "tar"].contains(file.pathExtension.lowercased())
  }

  /// Keys under which training programs keep the weights.
  private static let wrappers = ["state_dict", "model", "model_state", "model_state_dict", "model_ema", "net"]
  /// What wrappers of modules put before every name.
  private static let prefixes = ["module.", "_orig_mod.", "model."]

  /// The weights by name, in float32; wrapping keys and prefixes are taken off.
  ///
  /// - Throws: `ContainerError` when the file cannot be read, is of the older format, or holds no weights.
  public static func weights(contentsOf file: URL) throws -> [String: Tensor] {
    let name = file.lastPathComponent
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw ContainerError("\(file.path) cannot be read; check the file and its permissions")
    }
    return try weights(of: data, name: name)
  }

  /// The same of bytes that are there.
  public static func weights(of data: Data, name: String) throws -> [String: Tensor] {
    guard data.starts(with: [0x50, 0x4B]) else {
      guard data.starts(with: [0x80]) else {
        throw ContainerError("\(name) is no checkpoint of PyTorch; expected a zip archive that torch.save wrote")
      }
      throw ContainerError(
        """
        \(name) is of the format before PyTorch 1.6; convert it: python -c "import torch; \
        torch.save(torch.load('\(name)', map_location='cpu'), 'converted.pth')"
        """)
    }
    let archive = try ZipArchive(data, name: name)
    guard let pickle = archive.names.first(where: { $0.hasSuffix("/data.pkl") }),
      let bytes = try archive.bytes(of: pickle)
    else { throw ContainerError("\(name) holds no data.pkl; expected a checkpoint that torch.save wrote") }
    var tensors = StoredTensors(archive: archive, folder: String(pickle.dropLast("data.pkl".count)), name: name)
    return try stateDict(tensors.named(PickleReader.read(bytes, name: name)), name)
  }

  private static func stateDict(
    _ tensors: [(path: [String], tensor: Tensor)], _ name: String
  ) throws -> [String: Tensor] {
    var chosen = tensors.filter { $0.path.count == 1 }
    for wrapper in wrappers where chosen.isEmpty {
      chosen = tensors.filter { $0.path.count == 2 && $0.path[0] == wrapper }
    }
    guard !chosen.isEmpty else {
      throw ContainerError(
        "\(name) holds no weights, neither by themselves nor under \(wrappers.joined(separator: ", "))")
    }
    var named = chosen.map { (name: $0.path[$0.path.count - 1], tensor: $0.tensor) }
    for prefix in prefixes where named.allSatisfy({ $0.name.hasPrefix(prefix) }) {
      named = named.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) }
    }
    let wanted = named.filter { !$0.name.hasSuffix("num_batches_tracked") }
    return Dictionary(
      wanted.map { ($0.name, $0.tensor.dtype == .int64 ? $0.tensor : $0.tensor.to(.float32).contiguous) },
      uniquingKeysWith: { $1 })
  }
}

/// The tensors that a checkpoint's pickle describes, with the numbers of the archive's other entries.
private struct StoredTensors {
  let archive: ZipArchive
  /// The archive's own folder, with its slash.
  let folder: String
  let name: String
  /// Entries of dictionaries looked at; one that is shared counts each time.
  private var visits = 0

  init(archive: ZipArchive, folder: String, name: String) {
    (self.archive, self.folder, self.name) = (archive, folder, name)
  }

  /// Every tensor under text keys, by the keys that lead to it.
  mutating func named(_ value: Pickled, _ path: [String] = []) throws -> [(path: [String], tensor: Tensor)] {
    switch value {
    case .dictionary(let box) where path.count < 4:
      visits += box.pairs.count
      guard visits <= 100_000 else {
        throw ContainerError("\(name) has more entries than a state_dict; save that alone")
      }
      return try box.pairs.flatMap { pair -> [(path: [String], tensor: Tensor)] in
        guard case .text(let key) = pair.key else { return [] }
        return try named(pair.value, path + [key])
      }
    case .call("torch._utils _rebuild_tensor_v2", let arguments), .call("torch._utils _rebuild_tensor", let arguments):
      return [(path, try tensor(arguments.items, path.last ?? ""))]
    case .call("torch._utils _rebuild_parameter", let arguments):
      return try arguments.items.first.map { try named($0, path) } ?? []
    default: return []
    }
  }

  private static let types: [String: Tensor.DType] = [
    "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "ByteStorage": .uint8,
  ]

  /// A tensor over a storage, from where it starts and with the strides it has.
  private func tensor(_ arguments: [Pickled], _ key: String) throws -> Tensor {
    guard arguments.count >= 4, case .persistent(.tuple(let box)) = arguments[0], case let identity = box.items,
      identity.count >= 3,
      case .global(let storage) = identity[1], case .text(let entry) = identity[2],
      case .int(let offset) = arguments[1], let shape = numbers(arguments[2]), let strides = numbers(arguments[3]),
      shape.count == strides.count, shape.count <= 8
    else { throw problem(key, "is described in an unknown way") }
    guard let type = Self.types[storage.split(separator: " ").last.map(String.init) ?? ""] else {
      throw problem(key, "is of type \(storage), expected floats")
    }
    guard let bytes = try archive.bytes(of: "\(folder)data/\(entry)") else { throw problem(key, "has no data") }
    let available = bytes.count / type.size
    let reach = zip(shape, strides).reduce((offset, false)) { sofar, axis in
      guard axis.0 > 0 else { return (sofar.0, sofar.1 || axis.0 < 0) }
      let (step, overflow) = (axis.0 - 1).multipliedReportingOverflow(by: axis.1)
      let (sum, carried) = sofar.0.addingReportingOverflow(step)
      return (sum, sofar.1 || overflow || carried || axis.1 < 0)
    }
    let count = shape.reduce((1, false)) { sofar, size in
      let (product, overflow) = sofar.0.multipliedReportingOverflow(by: size)
      return (product, sofar.1 || overflow)
    }
    guard offset >= 0, !reach.1, !count.1, (1...max(1, available)).contains(count.0), reach.0 < available else {
      throw problem(key, "reaches beyond its \(available) numbers")
    }
    return bytes.withUnsafeBytes { raw in
      // Where every number is read once and in order, they are taken as they lie.
      guard !isContiguous(shape, strides) else {
        let part = UnsafeRawBufferPointer(rebasing: raw[offset * type.size..<(offset + count.0) * type.size])
        return Tensor(copying: part, dtype: type, shape: shape)
      }
      return gathered(raw, type, shape, strides, offset, count.0)
    }
  }

  private func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() {
      if size != 1, stride != expected { return false }
      expected *= size
    }
    return true
  }

  private func gathered(
    _ raw: UnsafeRawBufferPointer, _ type: Tensor.DType, _ shape: [Int], _ strides: [Int], _ offset: Int, _ count: Int
  ) -> Tensor {
    var bytes = [UInt8](repeating: 0, count: count * type.size)
    for index in 0..<count {
      var (rest, source) = (index, offset)
      for axis in shape.indices.reversed() {
        source += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      for byte in 0..<type.size { bytes[index * type.size + byte] = raw[source * type.size + byte] }
    }
    return bytes.withUnsafeBytes { Tensor(copying: $0, dtype: type, shape: shape) }
  }

  private func numbers(_ value: Pickled) -> [Int]? {
    guard case .tuple(let box) = value else { return nil }
    let items = box.items
    let found = items.compactMap { item -> Int? in if case .int(let number) = item { number } else { nil } }
    return found.count == items.count ? found : nil
  }

  private func problem(_ key: String, _ sentence: String) -> ContainerError {
    ContainerError("\(name): tensor \(key) \(sentence); save the model's state_dict again")
  }
}
