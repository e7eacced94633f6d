import Containers
import Foundation

/// What a file is by its first bytes; its name decides only where they leave it open.
public enum FileKind: Sendable, Equatable {
  // Those that are read.
  case onnx, safetensors, safetensorsIndex
  /// A zip archive that torch.save wrote.
  case checkpoint
  /// What torch.save wrote before PyTorch 1.6.
  case legacyCheckpoint
  /// A program of TorchScript with its weights.
  case torchScript
  // Those that are told apart to be refused by name.
  case exportedProgram, pickle, numpy, keras, zip, compressed, tar, hdf5, tensorFlow, tensorFlowLite, onnxRuntime, ggml
  case gitLFSPointer, webPage, json, image, text
  case empty, folder, special, unknown

  /// - Throws: `ContainerError` when there is no such file, or it may not be read.
  public init(of file: URL) throws {
    var status = stat()
    let path = file.path(percentEncoded: false)
    guard stat(path, &status) == 0 else {
      let found = errno == ENOENT ? "it does not exist" : String(cString: strerror(errno))
      throw ContainerError("\(path) could not be opened: \(found); check the path")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      self = status.st_mode & S_IFMT == S_IFDIR ? .folder : .special
      return
    }
    self.init(of: try Data(weightsIn: file), ending: file.pathExtension)
  }

  /// - Parameter ending: of the file's name, for bytes that tell nothing: damaged or very unusual files.
  public init(of data: Data, ending: String) {
    let head = [UInt8](data.prefix(512))
    if data.isEmpty {
      self = .empty
    } else if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) {
      self = Self.archive(data)
    } else if Self.isSafetensors(head) {
      // Before signatures: the length of a header may begin like one of them, such as a pickle's 80 02.
      self = .safetensors
    } else if let kind = Self.signed(head) ?? Self.written(head, data) {
      self = kind
    } else if Self.isONNX(data) {
      self = .onnx
    } else {
      self = Self.named(ending, head)
    }
  }

  /// Kinds whose files begin with a signature.
  private static func signed(_ head: [UInt8]) -> FileKind? {
    func has(_ bytes: [UInt8], at place: Int = 0) -> Bool { head.dropFirst(place).starts(with: bytes) }
    func has(_ text: String, at place: Int = 0) -> Bool { has(Array(text.utf8), at: place) }
    if has("version https://git-lfs") { return .gitLFSPointer }
    // The first pickle of the old format is this number; protocols differ in what stands before.
    let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    if head.first == 0x80, (2...5).contains(head.dropFirst().first ?? 0) {
      return (2...11).contains { has(magic, at: $0) } ? .legacyCheckpoint : .pickle
    }
    if has([0x1F, 0x8B]) || has("BZh") || has([0xFD, 0x37, 0x7A, 0x58, 0x5A]) || has([0x28, 0xB5, 0x2F, 0xFD])
      || has([0x37, 0x7A, 0xBC, 0xAF])
    {
      return .compressed
    }
    if has([0x89, 0x48, 0x44, 0x46]) { return .hdf5 }
    if has([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) { return .numpy }
    if has("GGUF") || has("ggml") || has("lmgg") { return .ggml }
    if has("TFL3", at: 4) { return .tensorFlowLite }
    if has("ORTM", at: 4) { return .onnxRuntime }
    if has([0xFF, 0xD8, 0xFF]) || has([0x89, 0x50, 0x4E, 0x47]) || has("GIF8") { return .image }
    return has("ustar", at: 257) ? .tar : nil
  }

  /// Kinds that are text.
  private static func written(_ head: [UInt8], _ data: Data) -> FileKind? {
    let space = " \t\r\n\u{FEFF}".utf8
    guard let first = head.first(where: { !space.contains($0) }) else { return .text }
    let isText = !head.contains { $0 < 32 && !space.contains($0) && $0 != 12 }
    guard isText else { return nil }
    switch first {
    case UInt8(ascii: "<"): return .webPage
    case UInt8(ascii: "{"):
      return data.prefix(1 << 20).firstRange(of: Data("\"weight_map\"".utf8)) != nil ? .safetensorsIndex : .json
    default: return head.count >= 16 && String(validating: head.dropLast(4), as: UTF8.self) != nil ? .text : nil
    }
  }

  /// A length that a header may have, and its opening brace.
  private static func isSafetensors(_ head: [UInt8]) -> Bool {
    head.count > 8 && head[8] == UInt8(ascii: "{") && head[4..<8].allSatisfy { $0 == 0 }
  }

  /// Whether the fields of the outermost message are those of a model, with a graph among them.
  private static func isONNX(_ data: Data) -> Bool {
    var fields = MessageFields(data)
    while let field = fields.next() {
      switch (field.number, field.wire) {
      case (7, 2): return true
      case (1, 0), (5, 0), (2...4, 2), (6, 2), (8, 2), (14, 2), (20, 2), (25, 2), (26, 2): break
      default: return false
      }
    }
    return false
  }

  private static func archive(_ data: Data) -> FileKind {
    // Who reads a damaged archive says that it is.
    guard let archive = try? ZipArchive(data, name: "") else { return .checkpoint }
    let names = archive.names
    func has(_ entry: String) -> Bool { names.contains { $0 == entry || $0.hasSuffix("/" + entry) } }
    if has("archive_format") || has("serialized_exported_program.json") { return .exportedProgram }
    if has("data.pkl") {
      return has("constants.pkl") || names.contains { $0.contains("/code/") } ? .torchScript : .checkpoint
    }
    if has("model.weights.h5") { return .keras }
    return !names.isEmpty && names.allSatisfy { $0.hasSuffix(".npy") } ? .numpy : .zip
  }

  private static func named(_ ending: String, _ head: [UInt8]) -> FileKind {
    switch ending.lowercased() {
    case "safetensors": .safetensors
    case "onnx": .onnx
    case "pb", "keras": .tensorFlow
    // A graph of TensorFlow is a list of nodes, a saved model a version and such graphs.
    default: head.first == 0x0A || head.starts(with: [0x08, 0x01, 0x12]) ? .tensorFlow : .unknown
    }
  }
}

extension FileKind {
  /// Whether files of this kind hold weights without the network that they are for.
  public var isWeights: Bool {
    switch self {
    case .safetensors, .safetensorsIndex, .checkpoint, .legacyCheckpoint, .torchScript: true
    default: false
    }
  }

  /// What such a file is, to be put after "is", and after a semicolon what to do where it cannot be read.
  public var description: String {
    let export = "export the model to ONNX with the program that made it"
    return switch self {
    case .onnx: "an ONNX file: a network with its weights"
    case .safetensors: "a safetensors file: weights without a network"
    case .safetensorsIndex: "the index of weights in several safetensors files"
    case .checkpoint, .legacyCheckpoint: "a checkpoint of PyTorch: weights without a network"
    case .torchScript: "a TorchScript archive, whose code is not read"
    case .exportedProgram: "a program of torch.export, which is not read; \(export)"
    case .pickle: "a pickle that torch.save did not write; load it in Python and save its weights with torch.save"
    case .numpy: "arrays of NumPy; save the weights as safetensors under the names of the architecture's layers"
    case .keras, .hdf5: "a file of Keras (HDF5), which is not read; \(export)"
    case .tensorFlow: "a file of TensorFlow, or a damaged one; \(export)"
    case .tensorFlowLite: "a file of TensorFlow Lite, which is not read; \(export)"
    case .onnxRuntime: "a file in onnxruntime's own format; give the ONNX file that it was made from"
    case .ggml: "a file of llama.cpp (GGUF), which holds no classifier"
    case .zip: "a zip archive without a checkpoint in it; unpack it and give the file inside"
    case .compressed: "compressed (gzip, bzip2, xz, zstd or 7z); unpack it first"
    case .tar: "a tar archive; unpack it and give the file inside"
    case .gitLFSPointer: "a Git LFS pointer and not the file it stands for; fetch that with git lfs pull"
    case .webPage: "a web page (HTML or XML), as a failed download leaves; fetch the file again"
    case .json: "JSON, which holds no weights; give the file of weights beside it"
    case .image: "an image; name a model's file"
    case .text: "text, expected a model's file; check the path"
    case .empty: "empty; fetch or write it again"
    case .folder: "a folder, expected a file; name one in it"
    case .special: "not a plain file; name one"
    case .unknown: "no checkpoint of PyTorch, no safetensors and no ONNX file; check the path"
    }
  }

  /// The sentence for a file that cannot be read.
  public func refusal(of file: URL) -> ContainerError {
    ContainerError("\(file.path(percentEncoded: false)) is \(description)")
  }
}

/// The fields of a protobuf message one after the other, their contents stepped over.
private struct MessageFields: IteratorProtocol {
  private let data: Data
  private var position: Int
  /// A model has fewer fields before its graph.
  private var left = 10_000

  init(_ data: Data) { (self.data, position) = (data, data.startIndex) }

  /// The next field; nil at the end, and where it is no message. The last may go beyond the end.
  mutating func next() -> (number: Int, wire: Int)? {
    left -= 1
    guard left > 0, let tag = varint() else { return nil }
    let field = (number: Int(tag >> 3 & 0xFFFF_FFFF), wire: Int(tag & 7))
    switch field.wire {
    case 0: guard varint() != nil else { return nil }
    case 2:
      guard let length = varint() else { return nil }
      position = length > UInt64(data.endIndex - position) ? data.endIndex : position + Int(length)
    default: position = data.endIndex
    }
    return field
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < data.endIndex else { return nil }
      let byte = data[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
