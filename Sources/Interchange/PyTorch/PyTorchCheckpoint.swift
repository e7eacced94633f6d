import Containers
import Foundation
import Torch

/// Files that torch.save wrote, and TorchScript archives, whose weights lie in them in the same way.
///
/// Nothing in them is run: pickles are only read (see `PickleReader`).
public enum PyTorchCheckpoint {
  /// The tensors in the file, whatever else it holds.
  ///
  /// - Throws: `ContainerError` when the file is damaged or none of PyTorch's.
  public static func open(_ data: Data, name: String) throws -> WeightFile {
    switch FileKind(of: data, ending: "") {
    case .checkpoint, .torchScript: try openArchive(data, name)
    case .legacyCheckpoint: try openLegacy(data, name)
    default: throw ContainerError("\(name) is not a checkpoint of PyTorch; expected a file that torch.save wrote")
    }
  }

  private static func openArchive(_ data: Data, _ name: String) throws -> WeightFile {
    let archive = try ZipArchive(data, name: name)
    let pickle = archive.names.first { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
    guard let pickle, let bytes = try archive.bytes(of: pickle) else {
      throw ContainerError("\(name) holds no data.pkl; expected a checkpoint that torch.save wrote")
    }
    let folder = String(pickle.dropLast("data.pkl".count))
    // Archives of machines with the other order of bytes are rare, and say so.
    let order = try archive.bytes(of: folder + "byteorder").map { String(decoding: $0, as: UTF8.self) }
    let storages = PyTorchStorages(file: name, isBigEndian: order?.hasPrefix("big") ?? false) { key in
      try archive.bytes(of: "\(folder)data/\(key)")
    }
    return try weights(PickleReader.read(bytes, name: name), storages)
  }

  /// The format before PyTorch 1.6: pickles of a number, a version, the machine, the object and the storages' keys,
  /// then each storage as a count and its elements, which are little endian on every machine.
  private static func openLegacy(_ data: Data, _ name: String) throws -> WeightFile {
    var position = data.startIndex
    func pickle() throws -> PickledDocument {
      let document = try PickleReader.read(data[position...], name: name)
      position += document.end
      return document
    }
    for _ in 0..<3 { _ = try pickle() }
    let (object, order) = (try pickle(), try pickle())
    var sizes: [String: Int] = [:]
    for box in object.persistent {
      guard let identity = PyTorchStorages.Identity(box), let type = PyTorchType(identity.type) else { continue }
      sizes[identity.key] = type.size
    }
    var places: [String: Range<Int>] = [:]
    let damaged = ContainerError("\(name) is a damaged checkpoint; fetch or save it again")
    guard case .list(let keys) = order.root else { throw damaged }
    for case .text(let key) in keys.items {
      guard let size = sizes[key], data.endIndex - position >= 8 else { throw damaged }
      let count = data[position..<position + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      position += 8
      guard count <= UInt64((data.endIndex - position) / size) else { throw damaged }
      places[key] = position..<position + Int(count) * size
      position += Int(count) * size
    }
    let storages = PyTorchStorages(file: name, isBigEndian: false) { key in places[key].map { data[$0] } }
    return try weights(object, storages)
  }

  private static func weights(_ pickle: PickledDocument, _ storages: PyTorchStorages) throws -> WeightFile {
    let found = try PickledTensors.found(in: pickle, name: storages.file)
    return WeightFile(name: storages.file, tensors: found.map { storages.tensor($0.tensor, at: $0.path) })
  }
}

/// The types of elements that PyTorch stores.
struct PyTorchType {
  /// As in `torch.float16`.
  let name: String
  /// Bytes of an element.
  let size: Int
  /// Nil for those that nothing here reads.
  let element: Tensor.DType?

  var isFloat: Bool {
    switch element {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }

  /// - Parameter word: a storage's class, such as "torch.cuda FloatStorage", or a type, such as "torch float32".
  init?(_ word: String) {
    let last = String(word.split { $0 == " " || $0 == "." }.last ?? "")
    guard let known = Self.all.first(where: { $0.name == last || $0.storage == last }) else { return nil }
    (name, size, element) = (known.name, known.size, known.element)
  }

  private static let all: [(name: String, storage: String, size: Int, element: Tensor.DType?)] = [
    ("float32", "FloatStorage", 4, .float32), ("float64", "DoubleStorage", 8, .float64),
    ("float16", "HalfStorage", 2, .float16), ("bfloat16", "BFloat16Storage", 2, .bfloat16),
    ("int64", "LongStorage", 8, .int64), ("uint8", "ByteStorage", 1, .uint8), ("int32", "IntStorage", 4, nil),
    ("int16", "ShortStorage", 2, nil), ("int8", "CharStorage", 1, nil), ("bool", "BoolStorage", 1, nil),
    ("complex128", "ComplexDoubleStorage", 16, nil), ("complex64", "ComplexFloatStorage", 8, nil),
    ("quint8", "QUInt8Storage", 1, nil), ("qint8", "QInt8Storage", 1, nil), ("qint32", "QInt32Storage", 4, nil),
    ("quint4x2", "QUInt4x2Storage", 1, nil), ("quint2x4", "QUInt2x4Storage", 1, nil),
    ("untyped", "UntypedStorage", 1, nil),
    ("uint16", "", 2, nil), ("uint32", "", 4, nil), ("uint64", "", 8, nil), ("complex32", "", 4, nil),
    ("float8_e4m3fn", "", 1, nil), ("float8_e5m2", "", 1, nil), ("float8_e4m3fnuz", "", 1, nil),
    ("float8_e5m2fnuz", "", 1, nil), ("float8_e8m0fnu", "", 1, nil),
  ]
}
