import Architectures
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Torch

@testable import Interchange

/// A small classifier as another program would have written it, to be changed by a test.
struct ForeignFile {
  var proto: ONNXModelProto
  let network: Network

  /// Images of 3×8×8, four classes.
  init() throws {
    network = try Network.dec3(input: [3, 8, 8], classes: 4, units: [2, 3, 4], seed: 1)
    proto = try ONNXModelProto(serializedBytes: ONNXFile.data(of: plainModel(network), foldingBatchNorm: false))
    proto.metadataProps = []
  }

  func data() throws -> Data { try proto.serializedBytes() }

  func model(_ options: ReadingOptions = ReadingOptions()) throws -> Model {
    try ONNXFile.model(of: data(), name: "x.onnx", folder: URL(filePath: "/nonexistent"), options)
  }

  /// What reading says.
  func refusal(_ options: ReadingOptions = ReadingOptions()) -> String { message { _ = try model(options) } }

  /// The name of what gives the classes so far.
  var output: String { proto.graph.output[0].name }

  /// Puts a node behind the output, which becomes the graph's.
  mutating func end(with operation: String, _ attributes: [String: Int64] = [:], reading more: [String] = []) {
    let name = "\(output).\(operation.lowercased())"
    append(operation, [output] + more, name, attributes)
    proto.graph.output[0].name = name
  }

  mutating func append(
    _ operation: String, _ inputs: [String], _ output: String, _ attributes: [String: Int64] = [:], at index: Int? = nil
  ) {
    var node = ONNXNodeProto()
    (node.opType, node.input, node.output, node.name) = (operation, inputs, [output], output)
    node.attribute = attributes.map { name, value in
      var attribute = ONNXAttributeProto()
      (attribute.name, attribute.type, attribute.i) = (name, .int, value)
      return attribute
    }
    proto.graph.node.insert(node, at: index ?? proto.graph.node.count)
  }

  /// Puts nodes between the input and what read it; the last of them is called "begun".
  mutating func begin(_ nodes: [(operation: String, inputs: [String], output: String)]) {
    for index in proto.graph.node.indices {
      proto.graph.node[index].input = proto.graph.node[index].input.map { $0 == "input" ? "begun" : $0 }
    }
    for (index, node) in nodes.enumerated() { append(node.operation, node.inputs, node.output, at: index) }
  }

  mutating func store(_ name: String, _ numbers: [Float], shape: [Int]) {
    var tensor = ONNXTensorProto()
    (tensor.name, tensor.dataType, tensor.dims) = (name, ONNXType.float.rawValue, shape.map(Int64.init))
    tensor.floatData = numbers
    proto.graph.initializer.append(tensor)
  }

  mutating func store(_ name: String, _ numbers: [Int]) {
    var tensor = ONNXTensorProto()
    (tensor.name, tensor.dataType, tensor.dims) = (name, ONNXType.int64.rawValue, [Int64(numbers.count)])
    tensor.int64Data = numbers.map(Int64.init)
    proto.graph.initializer.append(tensor)
  }

  /// Declares another output of the graph.
  mutating func declare(_ output: String, _ type: ONNXType = .float, sizes: [Int], first: Bool = false) {
    var info = proto.graph.output[0]
    info.name = output
    info.type.tensorType.elemType = type.rawValue
    info.type.tensorType.shape.dim = [info.type.tensorType.shape.dim[0]] + sizes.map(Self.dimension)
    proto.graph.output.insert(info, at: first ? 0 : proto.graph.output.count)
  }

  /// Declares an input beside the images, one number or as many as its sizes say.
  mutating func declareInput(_ name: String, _ type: ONNXType = .float, sizes: [Int]) {
    var info = proto.graph.input[0]
    info.name = name
    info.type.tensorType.elemType = type.rawValue
    info.type.tensorType.shape.dim = sizes.map(Self.dimension)
    proto.graph.input.append(info)
  }

  /// Says that the graph reads images of that type and shape; an open size is nil.
  mutating func read(_ type: ONNXType = .float, _ sizes: [Int?]) {
    proto.graph.input[0].type.tensorType.elemType = type.rawValue
    let batch = proto.graph.input[0].type.tensorType.shape.dim[0]
    proto.graph.input[0].type.tensorType.shape.dim = [batch] + sizes.map { $0.map(Self.dimension) ?? .init() }
  }

  mutating func describe(_ metadata: [String: String]) {
    proto.metadataProps = metadata.map { key, value in
      var entry = ONNXStringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
  }

  private static func dimension(_ size: Int) -> ONNXTensorShapeProto.Dimension {
    var dimension = ONNXTensorShapeProto.Dimension()
    dimension.dimValue = Int64(size)
    return dimension
  }
}

/// The model written as ONNX and read again.
func throughONNX(_ model: Model) throws -> Model {
  try ONNXFile.model(
    of: ONNXFile.data(of: model, foldingBatchNorm: false), name: "again.onnx", folder: URL(filePath: "/nonexistent"))
}

/// The model written as a file of Thresh's own and read again.
func throughOwnFile(_ model: Model) throws -> Model {
  let folder = try TemporaryFolder()
  let file = folder.url.appending(path: "model.safetensors")
  try model.write(to: file)
  return try Model(contentsOf: file)
}

/// The graph of the model's ONNX file.
func graph(of model: Model) throws -> ONNXGraphProto {
  try ONNXModelProto(serializedBytes: ONNXFile.data(of: model, foldingBatchNorm: false)).graph
}
