import Containers
import ONNXSchema

/// Where a graph is cut that cannot be read to its end: the network gives what is read behind the cut.
struct ONNXCut {
  /// What the network gives, in the order in which it is read.
  var outputs: [ONNXValueInfoProto]
  var tail: ONNXTail
  /// What could not be read, in sentences.
  var problems: [String]

  /// Operators that gradients do not go through, and those that change the type of numbers: they belong to the tail
  /// where it reads what they make.
  private static let steps: Set<String> = [
    "And", "ArgMax", "ArgMin", "Cast", "Ceil", "Equal", "Floor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "Not", "Or", "Round", "Sign", "Xor",
  ]

  /// The last values of each image before what cannot be read.
  ///
  /// - Returns: nil where no value of the network is left in front of the cut, or what is read there is not all of one
  ///   type, float32 or float16.
  /// - Throws: `ContainerError` when the input is no image, or what stays cannot be kept.
  init?(
    of graph: ONNXGraphProto, _ versions: ONNXVersions, _ tensors: ONNXTensors, _ options: ReadingOptions
  ) throws {
    let part = graph.needed(for: graph.output)
    let input = try ONNXInput(of: part, tensors.file, options)
    var reader = try ONNXGraphReader(part, input, opset: versions.own, tensors, keepsUnread: true)
    let unread = try reader.readNodes(of: part)
    problems = unread.map(\.sentence)
    var cutting = Cutting(part, reader)
    cutting.moveBehind(unread.map(\.index))
    guard !cutting.reads.isEmpty, let type = cutting.type else { return nil }
    outputs = cutting.reads.map { name in
      var info = ONNXValueInfoProto()
      info.name = name
      info.type.tensorType.elemType = type.rawValue
      return info
    }
    let nodes = try cutting.nodes(of: graph)
    // What a file's own functions do is not kept.
    guard !nodes.contains(where: { versions.functions.contains($0.domain) }) else { return nil }
    let read = Set(nodes.flatMap(\.reads) + graph.output.map(\.name))
    var kept = ONNXGraphProto()
    (kept.node, kept.input, kept.output) = (nodes, outputs, graph.output)
    kept.initializer = try graph.initializer.filter { read.contains($0.name) }.map(tensors.embedded)
    let operators = unread.map { part.node[$0.index].opType }
    tail = ONNXTail(
      graph: kept, opsets: versions.all, operators: operators.isEmpty ? cutting.lastOperators : operators.once,
      batch: input.batch, readsBatch: input.hasBatch)
    guard !input.isChannelsLast || !tail.reads(input.name) else {
      throw ContainerError(
        """
        \(tensors.file) reads batch × height × width × channels, and its end (\(tail.words)) reads the images too, \
        which written files read in another order; export it with the channels in front
        """)
    }
    guard try tail.raise(tensors.file) else { return nil }
  }
}

/// Nodes behind the cut, as they are found.
private struct Cutting {
  private let graph: ONNXGraphProto
  private let reader: ONNXGraphReader
  private let makers: [String: Int]
  private var behind = Set<Int>()
  private(set) var reads: [String] = []

  init(_ graph: ONNXGraphProto, _ reader: ONNXGraphReader) {
    (self.graph, self.reader) = (graph, reader)
    var makers: [String: Int] = [:]
    for (index, node) in graph.node.enumerated() {
      for name in node.output where !name.isEmpty { makers[name] = index }
    }
    self.makers = makers
  }

  /// Moves nodes and all that reads them behind the cut, then what makes their constants, until only values of images
  /// are read from before it.
  mutating func moveBehind(_ unread: [Int]) {
    behind = Set(unread)
    for (index, node) in graph.node.enumerated() where node.output.contains(where: isUnknown) { behind.insert(index) }
    var open = Array(behind)
    for output in graph.output where !isGiven(output.name) {
      if let maker = makers[output.name], behind.insert(maker).inserted { open.append(maker) }
    }
    while let index = open.popLast() {
      for name in graph.node[index].reads where !isGiven(name) && !isKnownShape(index) {
        if let maker = makers[name], behind.insert(maker).inserted { open.append(maker) }
      }
    }
    var found = Set<String>()
    let all = behind.sorted().filter { !isKnownShape($0) }.flatMap { graph.node[$0].reads } + graph.output.map(\.name)
    reads = all.filter { isGiven($0) && found.insert($0).inserted }
  }

  private func isUnknown(_ name: String) -> Bool {
    if case .unknown = reader.values[name] { true } else { false }
  }

  /// Whether the network can give the value: numbers of each image, with the batch in front.
  private func isGiven(_ name: String) -> Bool {
    guard case .image(let image) = reader.values[name], image.isPlain, !image.shape.isEmpty, let maker = makers[name]
    else { return false }
    return !ONNXCut.isStep(graph.node[maker].opType)
  }

  /// Whether the node tells a shape of which all is known.
  private func isKnownShape(_ index: Int) -> Bool { shape(index) != nil }

  private func shape(_ index: Int) -> [Int]? {
    let node = graph.node[index]
    guard node.opType == "Shape", case .sizes(let sizes, _) = reader.values[node.output[0]]
    else { return nil }
    let known = sizes.map { size -> Int? in
      if case .fixed(let number) = size { number } else { reader.exportedBatch.map { $0 * size.factor } }
    }
    return known.contains(nil) ? nil : known.compactMap(\.self)
  }

  /// The nodes behind the cut as the file has them, known shapes as constants.
  ///
  /// - Parameter whole: the file's graph, which has outputs that nothing reads too.
  func nodes(of whole: ONNXGraphProto) throws -> [ONNXNodeProto] {
    var originals: [String: Int] = [:]
    for (index, node) in whole.node.enumerated() { for name in node.output { originals[name] = index } }
    return graph.node.indices.filter(behind.contains).map { index in
      let node = graph.node[index]
      if let shape = shape(index) { return .constant(shape, makes: node.output[0]) }
      return node.output.first { !$0.isEmpty }.flatMap { originals[$0] }.map { whole.node[$0] } ?? node
    }
  }

  /// What makes the graph's outputs.
  var lastOperators: [String] { graph.output.compactMap { makers[$0.name].map { graph.node[$0].opType } }.once }

  /// What all values are that are read from before the cut, nil where they differ or are of another type.
  var type: ONNXType? {
    let types = Set(reads.map { element(of: $0) })
    guard types.count == 1, let only = types.first, let type = only.flatMap(ONNXType.init),
      [.float, .float16].contains(type)
    else { return nil }
    return type
  }

  /// By the last Cast on the way to it, or else by what the file reads or stores.
  private func element(of name: String) -> Int32? {
    var (name, steps) = (name, 0)
    while let maker = makers[name], steps <= graph.node.count {
      let node = graph.node[maker]
      if node.opType == "Cast" { return node.castType?.rawValue }
      if node.opType == "Constant" { return node.tensor("value")?.dataType }
      let image = node.input.first { if case .image = reader.values[$0] { true } else { false } }
      // Of what computes with constants alone the first one.
      guard let next = image ?? node.input.first else { return nil }
      (name, steps) = (next, steps + 1)
    }
    let stored = graph.initializer.first { $0.name == name }?.dataType
    return stored ?? graph.input.first { $0.name == name }?.type.tensorType.elemType
  }
}

extension ONNXCut {
  fileprivate static func isStep(_ operator: String) -> Bool { steps.contains(`operator`) }
}

extension [String] {
  /// Each once, in order.
  fileprivate var once: [String] {
    var met = Set<String>()
    return filter { met.insert($0).inserted }
  }
}

extension ONNXCut {
  /// What is kept as it is, for the person who gave the file.
  ///
  /// - Parameter weights: how many numbers the network holds.
  func note(_ file: String, weights: Int) -> String {
    let count = tail.graph.node.count
    let held =
      tail.weights * 50 < weights ? "" : ", which hold \(tail.weights) of its \(weights + tail.weights) weights"
    let values = outputs.count == 1 ? "the value" : "the \(outputs.count) values"
    return """
      \(file) ends in \(tail.words): its last \(count) nodes\(held) are kept as they are, and what is compressed and \
      compared gives \(values) that they read
      """
  }
}
