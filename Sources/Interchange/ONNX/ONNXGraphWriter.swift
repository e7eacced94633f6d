import Containers
import Foundation
import Networks
import ONNXSchema
import Torch

/// An ONNX graph in the making: what the rules of single operations write into.
struct ONNXGraphWriter {
  private(set) var graph = ONNXGraphProto()
  /// Values that go by another name, as what comes out of dropout.
  private var aliases: [String: String] = [:]

  /// The opset whose operators are written.
  static let opset: Int64 = 17

  enum Attribute {
    case int(Int)
    case float(Double)
    case ints([Int])
  }

  /// The name in the graph of a value of the network.
  func value(_ name: String) -> String { aliases[name] ?? name }

  mutating func alias(_ name: String, of source: String) { aliases[name] = value(source) }

  /// Appends a node; it is called like the value it makes.
  mutating func append(
    _ type: String, _ inputs: [String], makes output: String, _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) {
    var node = ONNXNodeProto()
    node.opType = type
    node.name = output
    node.input = inputs
    node.output = [output]
    node.attribute = attributes.map { name, value in
      var attribute = ONNXAttributeProto()
      attribute.name = name
      switch value {
      case .int(let number): (attribute.type, attribute.i) = (.int, Int64(number))
      case .float(let number): (attribute.type, attribute.f) = (.float, Float(number))
      case .ints(let numbers): (attribute.type, attribute.ints) = (.ints, numbers.map(Int64.init))
      }
      return attribute
    }
    graph.node.append(node)
  }

  /// Stores a tensor under a name, once; gives the name.
  @discardableResult
  mutating func store(_ name: String, _ tensor: Tensor) -> String {
    guard !graph.initializer.contains(where: { $0.name == name }) else { return name }
    var proto = ONNXTensorProto()
    proto.name = name
    proto.dims = tensor.shape.map(Int64.init)
    proto.dataType = ONNXType.float.rawValue
    proto.rawData = tensor.to(.float32).contiguous.values(as: Float.self).withUnsafeBytes { Data($0) }
    graph.initializer.append(proto)
    return name
  }

  /// Stores whole numbers, as shapes and axes are given.
  mutating func store(_ name: String, _ numbers: [Int]) -> String {
    var proto = ONNXTensorProto()
    proto.name = name
    proto.dims = [Int64(numbers.count)]
    proto.dataType = ONNXType.int64.rawValue
    proto.rawData = numbers.map(Int64.init).withUnsafeBytes { Data($0) }
    graph.initializer.append(proto)
    return name
  }

  /// Stores one number without axes.
  mutating func store(_ name: String, _ number: Double) -> String { store(name, Tensor([number], shape: [])) }

  /// Names the graph's input and output, with a free batch.
  mutating func declare(input: [Int], output name: String, shape: [Int]) {
    graph.name = "network"
    graph.input = [Self.info(Network.inputName, input)]
    graph.output = [Self.info(value(name), shape)]
  }

  private static func info(_ name: String, _ shape: [Int]) -> ONNXValueInfoProto {
    var batch = ONNXTensorShapeProto.Dimension()
    batch.dimParam = "batch"
    var type = ONNXTypeProto.Tensor()
    type.elemType = ONNXType.float.rawValue
    type.shape.dim =
      [batch]
      + shape.map { size in
        var dimension = ONNXTensorShapeProto.Dimension()
        dimension.dimValue = Int64(size)
        return dimension
      }
    var info = ONNXValueInfoProto()
    info.name = name
    info.type.tensorType = type
    return info
  }
}

/// The kinds of element that tensors of ONNX have here; the standard's numbers.
enum ONNXType: Int32 {
  case float = 1
  case uint8 = 2
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case double = 11
  case bfloat16 = 16
}
