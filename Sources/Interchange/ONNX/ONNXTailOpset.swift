import Containers
import ONNXSchema

/// Files are written with operators of opset 13 and later; the end of a graph that is kept may be older.
extension ONNXTail {
  /// Writes nodes of opset 11 and 12 as opset 13 has them.
  ///
  /// Between 11 and 13 some attributes became inputs, and Softmax takes one axis in place of all from there on.
  ///
  /// - Returns: false for nodes of another opset or a Softmax over several axes.
  mutating func raise(_ file: String) throws -> Bool {
    guard (11...ONNXFile.opsets.upperBound).contains(opset) else {
      throw ContainerError(
        """
        \(file) cannot be read to its end (\(words)); this end could be kept as it is, but its opset is \(opset), \
        expected 11 to \(ONNXFile.opsets.upperBound); convert it with onnx.version_converter
        """)
    }
    guard opset < 13 else { return true }
    var constants: [ONNXNodeProto] = []
    guard graph.raise(&constants) else { return false }
    graph.node = constants + graph.node
    for index in opsets.indices where opsets[index].domain.isEmpty { opsets[index].version = 13 }
    return true
  }
}

extension ONNXGraphProto {
  fileprivate mutating func raise(_ constants: inout [ONNXNodeProto]) -> Bool {
    let becameInputs = ["Squeeze": "axes", "Unsqueeze": "axes", "ReduceSum": "axes", "Split": "split"]
    for index in node.indices where node[index].domain.isEmpty || node[index].domain == "ai.onnx" {
      let kind = node[index].opType
      if ["Softmax", "LogSoftmax", "Hardmax"].contains(kind) {
        guard node[index].integer("axis") == -1 else { return false }
      }
      if let name = becameInputs[kind], let numbers = node[index].integers(name) {
        let constant = "\(node[index].output.first { !$0.isEmpty } ?? kind).\(name)"
        constants.append(.constant(numbers, makes: constant))
        node[index].input.append(constant)
        node[index].attribute.removeAll { $0.name == name }
      }
      for place in node[index].attribute.indices where node[index].attribute[place].hasG {
        guard node[index].attribute[place].g.raise(&constants) else { return false }
      }
    }
    return true
  }
}
