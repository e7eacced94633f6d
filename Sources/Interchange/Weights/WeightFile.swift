import Containers
import Foundation
import Torch

/// A tensor in a file, not read yet.
public struct StoredTensor {
  /// The keys that lead to it; only the last where the file is flat. Keys may have dots themselves.
  public var path: [String]
  /// Nil where the file does not say it as numbers.
  public var shape: [Int]?
  /// What its elements are, as "float16" or "sparse".
  public var type: String
  /// Whether the elements are floating-point numbers, as all weights are.
  public var isFloat: Bool
  /// Reads it in float32.
  public var read: () throws -> Tensor

  /// The keys as one name.
  public var name: String { path.joined(separator: ".") }
}

/// The tensors of a file that another program wrote.
///
/// Opening it reads names and shapes. What a file holds beside the weights that are asked for is never looked at:
/// states of optimisers and random generators, counts, masks.
public struct WeightFile {
  /// What it is called in messages.
  public var name: String
  public var tensors: [StoredTensor]

  /// Opens a checkpoint of PyTorch, a TorchScript archive, safetensors, or an index of safetensors, told apart by their
  /// first bytes.
  ///
  /// - Throws: `ContainerError` when the file is of another kind, cannot be read, or is damaged.
  public init(contentsOf file: URL) throws {
    let kind = try FileKind(of: file)
    switch kind {
    case .safetensors: self.init(try Safetensors(contentsOf: file))
    case .safetensorsIndex: try self.init(index: file)
    case .checkpoint, .torchScript, .legacyCheckpoint:
      self = try PyTorchCheckpoint.open(try Data(weightsIn: file), name: file.lastPathComponent)
    default: throw kind.refusal(of: file)
    }
  }

  init(name: String, tensors: [StoredTensor]) {
    (self.name, self.tensors) = (name, Self.masked(tensors).map { $0.withPresentName() })
  }

  /// The tensors, with "weight" in place of "weight_orig" and "weight_mask", which torch.nn.utils.prune keeps instead.
  private static func masked(_ tensors: [StoredTensor]) -> [StoredTensor] {
    guard tensors.contains(where: { $0.path.last?.hasSuffix("_mask") == true }) else { return tensors }
    let places = Dictionary(tensors.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
    var result = tensors
    var gone: Set<Int> = []
    for (index, tensor) in tensors.enumerated() {
      guard let key = tensor.path.last, key.hasSuffix("_orig"), tensor.isFloat else { continue }
      let path = tensor.path.dropLast()
      let name = String(key.dropLast("_orig".count))
      guard let place = places[path + [name + "_mask"]], places[path + [name]] == nil,
        tensors[place].shape == tensor.shape, tensors[place].isFloat
      else { continue }
      result[index].path = path + [name]
      let (whole, mask) = (tensor.read, tensors[place].read)
      result[index].read = { try whole() * mask() }
      gone.insert(place)
    }
    return result.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
  }

  /// The tensors of a safetensors file, whoever wrote it.
  public init(_ file: Safetensors) {
    let name = file.file.lastPathComponent
    let known = file.entries.map { entry in
      StoredTensor(
        path: [entry.name], shape: entry.shape, type: entry.type.rawValue, isFloat: entry.type.isFloat,
        read: { try file.tensor(entry) })
    }
    let others = file.unreadable.sorted { $0.key < $1.key }.map { entry in
      StoredTensor(
        path: [entry.key], shape: nil, type: entry.value, isFloat: false,
        read: { throw ContainerError("tensor \(entry.key) in \(name) is of type \(entry.value); convert it") })
    }
    self.init(name: name, tensors: known + others)
  }

  /// The tensors of several files beside an index, which says for each the file it is in.
  private init(index file: URL) throws {
    struct Index: Decodable { var weight_map: [String: String] }
    let data = try Data(weightsIn: file)
    let name = file.lastPathComponent
    guard data.count <= 1 << 26, let index = try? JSONDecoder().decode(Index.self, from: data) else {
      throw ContainerError("\(name) is not an index of weights, expected JSON with a weight_map; fetch it again")
    }
    var tensors: [StoredTensor] = []
    for part in Set(index.weight_map.values).sorted() {
      guard !part.contains("/"), part != "..", !part.isEmpty else {
        throw ContainerError("\(name) names \(part), expected a file in its own folder; write the index again")
      }
      let place = file.deletingLastPathComponent().appending(path: part)
      guard FileManager.default.fileExists(atPath: place.path(percentEncoded: false)) else {
        throw ContainerError("\(name) needs \(part), which is not beside it; fetch all parts into one folder")
      }
      guard try FileKind(of: place) != .safetensorsIndex else {
        throw ContainerError("\(name) names \(part), which is an index too; write the index again")
      }
      tensors += try WeightFile(contentsOf: place).tensors.filter { index.weight_map[$0.name] == part }
    }
    self.init(name: name, tensors: tensors)
  }
}

extension Safetensors.ElementType {
  var isFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .bool, .uint8, .int8, .int16, .int32, .int64: false
    }
  }
}

extension Data {
  /// The bytes of a file, mapped where that is safe.
  init(weightsIn file: URL) throws {
    do {
      try self.init(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw ContainerError("\(file.path(percentEncoded: false)) cannot be read; check the file and its permissions")
    }
  }
}
