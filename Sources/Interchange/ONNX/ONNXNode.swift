import ONNXSchema

/// Attributes of a node, by name.
extension ONNXNodeProto {
  private func find(_ name: String) -> ONNXAttributeProto? { attribute.first { $0.name == name } }

  /// All that it reads, also what graphs inside it read of the graph around it.
  var reads: [String] {
    attribute.isEmpty
      ? input : input + attribute.flatMap { ($0.hasG ? [$0.g] : []) + $0.graphs }.flatMap(\.readFromAround)
  }

  func integers(_ name: String) -> [Int]? { find(name).map { $0.ints.map { Int(clamping: $0) } } }
  func integer(_ name: String) -> Int? { find(name).map { Int(clamping: $0.i) } }
  func number(_ name: String) -> Double? { find(name).map { Double($0.f) } }
  func numbers(_ name: String) -> [Double]? { find(name).map { $0.floats.map(Double.init) } }
  func word(_ name: String) -> String? { find(name).map { String(decoding: $0.s, as: UTF8.self) } }
  func tensor(_ name: String) -> ONNXTensorProto? { find(name).map(\.t) }
}

extension ONNXGraphProto {
  /// What a graph inside a node reads of the graph around it.
  fileprivate var readFromAround: [String] {
    var own = Set(input.map(\.name) + initializer.map(\.name))
    var result: [String] = []
    for node in node {
      result += node.reads.filter { !$0.isEmpty && !own.contains($0) }
      own.formUnion(node.output)
    }
    return result + output.map(\.name).filter { !own.contains($0) }
  }
}

extension ONNXNodeProto {
  /// A node that holds a list of whole numbers.
  static func constant(_ numbers: [Int], makes output: String) -> ONNXNodeProto {
    var tensor = ONNXTensorProto()
    tensor.dims = [Int64(numbers.count)]
    tensor.dataType = ONNXType.int64.rawValue
    tensor.int64Data = numbers.map(Int64.init)
    return constant(tensor, makes: output)
  }

  static func constant(_ tensor: ONNXTensorProto, makes output: String) -> ONNXNodeProto {
    var value = ONNXAttributeProto()
    (value.name, value.type, value.t) = ("value", .tensor, tensor)
    var node = ONNXNodeProto()
    (node.opType, node.name, node.output, node.attribute) = ("Constant", output, [output], [value])
    return node
  }
}
