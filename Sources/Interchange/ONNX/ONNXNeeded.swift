import Containers
import ONNXSchema

/// The part of a graph that one of its outputs needs.
extension ONNXGraphProto {
  /// The graph with these outputs alone, and without nodes, constants and inputs that nothing on the way to it reads.
  ///
  /// Nodes stand behind those that they read, which not every converter sees to.
  func needed(for wanted: [ONNXValueInfoProto]) -> ONNXGraphProto {
    var makers: [String: Int] = [:]
    for (index, node) in node.enumerated() {
      for name in node.output where !name.isEmpty && makers[name] == nil { makers[name] = index }
    }
    var names = Set(wanted.map(\.name))
    var needed = Set<Int>()
    var open = wanted.map(\.name)
    while let name = open.popLast() {
      guard let index = makers[name], needed.insert(index).inserted else { continue }
      for input in node[index].reads where names.insert(input).inserted { open.append(input) }
    }
    var result = self
    result.node = sorted(needed, makers).map { index in
      var kept = node[index]
      // Outputs besides the first are optional, as masks and indices are; only these go by how many there are.
      while !["Split", "BatchNormalization"].contains(kept.opType), let last = kept.output.last, !names.contains(last) {
        kept.output.removeLast()
      }
      return kept
    }
    result.initializer = initializer.filter { names.contains($0.name) }
    result.input = input.filter { names.contains($0.name) }
    result.output = wanted
    return result
  }

  /// The nodes in an order in which each stands behind those that it reads, as far as there is one; else as they stand.
  private func sorted(_ needed: Set<Int>, _ makers: [String: Int]) -> [Int] {
    var order: [Int] = []
    var met = Set<Int>()
    for first in node.indices where needed.contains(first) {
      var path = [(index: first, isReady: false)]
      while let (index, isReady) = path.popLast() {
        if isReady {
          order.append(index)
        } else if met.insert(index).inserted {
          path.append((index, true))
          path += node[index].reads.reversed().compactMap { makers[$0] }.map { ($0, false) }
        }
      }
    }
    return order
  }

  /// What makes probabilities of the classes at the graph's end, where only the shape changes behind it: indices of the
  /// nodes that are taken off.
  var lastActivation: (kind: OutputActivation, nodes: Set<Int>)? {
    guard output.count == 1 else { return nil }
    let readers = Dictionary(node.flatMap(\.reads).map { ($0, 1) }, uniquingKeysWith: +)
    var name = output.first?.name ?? ""
    for depth in 0..<16 {
      // A value that something else reads too has to stay what it is.
      guard readers[name] ?? 0 == (depth == 0 ? 0 : 1),
        let index = node.lastIndex(where: { $0.output.first == name }), let source = node[index].input.first
      else { return nil }
      switch node[index].opType {
      case "Softmax": return (.softmax, [index])
      case "LogSoftmax": return (.logSoftmax, [index])
      case "Sigmoid": return (.sigmoid, [index])
      case "Log":
        guard readers[source] == 1,
          let softmax = node.lastIndex(where: { $0.output.first == source && $0.opType == "Softmax" })
        else { return nil }
        return (.logSoftmax, [softmax, index])
      case "Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze": name = source
      default: return nil
      }
    }
    return nil
  }

  /// Operators and numbers of a quantised network other than QuantizeLinear and DequantizeLinear of 8 bits, each once.
  var quantized: [String] {
    let types: Set<String> = ["DynamicQuantizeLinear", "MatMulNBits", "MatMulBnb4"]
    let operators = node.map(\.opType).filter { name in
      types.contains(name) || name.hasPrefix("QLinear") || name.hasSuffix("Integer") || name.hasSuffix("IntegerToFloat")
    }
    let others = node.filter { $0.domain == "com.microsoft" && $0.opType.hasPrefix("Q") }.map(\.opType)
    // The float8s, uint4, int4, float4.
    let small = initializer.filter { (17...23).contains($0.dataType) }
    let numbers = small.map { "\(ONNXType.name(of: $0.dataType)) numbers" }
    return Set(operators + others + numbers).sorted()
  }

  /// The kind of number that most of the weights are.
  var weightType: ONNXType {
    var counts: [Int32: Int] = [:]
    let held = node.filter { $0.opType == "Constant" }.compactMap { $0.tensor("value") }
    for tensor in initializer + held {
      let count = tensor.dims.map { Int(clamping: $0) }.checkedProduct ?? 0
      counts[tensor.dataType, default: 0] += count > 1 << 40 ? 0 : count
    }
    let real: [ONNXType] = [.float, .float16, .bfloat16, .double]
    return real.max { counts[$0.rawValue, default: 0] < counts[$1.rawValue, default: 0] } ?? .float
  }
}

extension ONNXValueInfoProto {
  /// Whether it says that it is a vector of real numbers for each image, or as good as one.
  func looksLikeClasses(of graph: ONNXGraphProto) -> Bool {
    let dimensions = type.tensorType.shape.dim
    let sizes = dimensions.dropFirst().map(\.dimValue)
    guard isReal, (sizes.first ?? 0) > 1, sizes.dropFirst().allSatisfy({ $0 == 1 }) else { return false }
    // Boxes are as many as there are, and not as many as images.
    let batches = graph.input.compactMap(\.type.tensorType.shape.dim.first)
    return dimensions[0].value == nil || batches.contains { $0.value == nil || $0.value == dimensions[0].value }
  }

  /// The same, or it does not say what its shape is.
  func maySayClasses(of graph: ONNXGraphProto) -> Bool {
    type.tensorType.shape.dim.isEmpty || looksLikeClasses(of: graph)
  }

  /// Whether it is real numbers, or does not say what it is.
  var mayBeReal: Bool { isReal || type.tensorType.elemType == 0 }

  var isReal: Bool {
    [ONNXType.float, .float16, .double, .bfloat16].map(\.rawValue).contains(type.tensorType.elemType)
  }

  /// Name and shape, for people.
  var words: String {
    let dimensions = type.tensorType.shape.dim
    guard !dimensions.isEmpty else { return name }
    return "\(name) (\(dimensions.map(\.words).joined(separator: " × ")))"
  }
}

extension ONNXTensorShapeProto.Dimension {
  /// The number, the name of an open size, or ? where it has neither.
  var words: String { dimParam.isEmpty ? (dimValue > 0 ? "\(dimValue)" : "?") : dimParam }
}
