import Containers
import Foundation
import ONNXSchema
import Torch

/// The end of an ONNX graph that is no part of the network, as what chooses among a detector's boxes: nodes that cannot
/// be read or not be learnt through, such as TopK, NonMaxSuppression and ArgMax, and all that reads them.
///
/// It is kept as the file has it. The network gives what it reads, and files are written with it behind the network.
public struct ONNXTail: Sendable, Equatable {
  /// Its inputs are outputs of the network, by name; it may also read the file's input. Its outputs are the file's.
  var graph: ONNXGraphProto
  /// The versions of its operators, by their domain.
  var opsets: [ONNXOperatorSetIdProto]
  /// What it begins with: operators, each once.
  public var operators: [String]
  /// The batch that it was made for; nil where it takes any.
  public var batch: Int?
  /// Whether the file reads batches of images, and not one image without an axis for the batch.
  public var readsBatch: Bool

  /// What it begins with, for people.
  public var words: String {
    operators.prefix(4).joined(separator: ", ") + (operators.count > 4 ? " and others" : "")
  }

  /// Whether it reads a value of this name, as the file's input.
  func reads(_ name: String) -> Bool { graph.node.contains { $0.reads.contains(name) } }

  /// The version of ONNX's own operators.
  var opset: Int { opsets.first { $0.domain.isEmpty }.map { Int(clamping: $0.version) } ?? ONNXFile.usualOpset }

  /// How many numbers of type float its nodes hold.
  var weights: Int {
    graph.initializer.filter { $0.dataType == ONNXType.float.rawValue || $0.dataType == ONNXType.float16.rawValue }
      .map { $0.dims.map { Int(clamping: $0) }.checkedProduct ?? 0 }.reduce(0, +)
  }
}

// MARK: As bytes

extension ONNXTail {
  private struct Facts: Codable {
    var operators: [String]
    var batch: Int?
    var readsBatch: Bool
  }
  private static let factsKey = "tail"

  /// A file of ONNX with the tail alone.
  var data: Data {
    get throws {
      var proto = ONNXModelProto()
      (proto.graph, proto.opsetImport) = (graph, opsets)
      var entry = ONNXStringStringEntryProto()
      entry.key = Self.factsKey
      entry.value = String(
        decoding: try JSONEncoder().encode(Facts(operators: operators, batch: batch, readsBatch: readsBatch)),
        as: UTF8.self)
      proto.metadataProps = [entry]
      return try proto.serializedBytes()
    }
  }

  /// - Throws: `ContainerError` when the bytes are no tail.
  init(_ data: Data) throws {
    guard let proto = try? ONNXModelProto(serializedBytes: data),
      let text = proto.metadataProps.first(where: { $0.key == Self.factsKey })?.value,
      let facts = try? JSONDecoder().decode(Facts.self, from: Data(text.utf8))
    else { throw ContainerError("the end of the graph that the file keeps is damaged; write it again") }
    (graph, opsets) = (proto.graph, proto.opsetImport)
    (operators, batch, readsBatch) = (facts.operators, facts.batch, facts.readsBatch)
  }
}

extension ONNXTail {
  /// What the tensor with its bytes is called in our own files; no parameter has a space in its name.
  static let tensorName = "onnx tail"
}

extension Data {
  /// As whole numbers of eight bytes, filled up with zeros.
  var words: Tensor {
    let filled = self + Data(count: (8 - count % 8) % 8)
    return filled.withUnsafeBytes { Tensor(copying: $0, dtype: .int64, shape: [$0.count / 8]) }
  }
}

extension Safetensors {
  /// Bytes that were stored as whole numbers of eight bytes each.
  ///
  /// - Throws: `ContainerError` when there are not as many.
  func bytes(_ name: String, count: String) throws -> Data {
    guard let entry = entries.first(where: { $0.name == name }), entry.type == .int64, let count = Int(count),
      case let words = try tensor(entry).values(as: Int64.self), count >= 0, count <= words.count * 8
    else { throw ContainerError("\(file.lastPathComponent) does not hold \(name) as it says; write it again") }
    return words.withUnsafeBytes { Data($0.prefix(count)) }
  }
}

// MARK: Names

extension ONNXTail {
  /// Names of its own values, those inside of nodes too: neither what it reads nor what the file gives.
  var ownNames: Set<String> {
    graph.made.subtracting(graph.output.map(\.name)).subtracting(graph.input.map(\.name))
  }

  mutating func rename(_ names: [String: String]) { graph.rename(names) }
}

extension ONNXGraphProto {
  /// Names of all values that are made in the graph, also inside of nodes.
  fileprivate var made: Set<String> {
    var names = Set(initializer.map(\.name) + node.flatMap(\.output))
    for inner in node.flatMap(\.attribute).flatMap({ ($0.hasG ? [$0.g] : []) + $0.graphs }) {
      names.formUnion(inner.made)
      names.formUnion(inner.input.map(\.name))
    }
    names.remove("")
    return names
  }

  fileprivate mutating func rename(_ names: [String: String]) {
    func renamed(_ name: String) -> String { names[name] ?? name }
    for index in initializer.indices { initializer[index].name = renamed(initializer[index].name) }
    for index in input.indices { input[index].name = renamed(input[index].name) }
    for index in output.indices { output[index].name = renamed(output[index].name) }
    for index in node.indices {
      node[index].input = node[index].input.map(renamed)
      node[index].output = node[index].output.map(renamed)
      for place in node[index].attribute.indices {
        if node[index].attribute[place].hasG { node[index].attribute[place].g.rename(names) }
        for inner in node[index].attribute[place].graphs.indices {
          node[index].attribute[place].graphs[inner].rename(names)
        }
      }
    }
  }
}
