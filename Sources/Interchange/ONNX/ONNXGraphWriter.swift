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
  private let interface: ModelInterface
  /// What comes behind the network.
  private let tail: ONNXTail?
  /// What weights and values between the nodes are.
  private let numbers: ONNXType

  /// - Parameters:
  ///   - halves: whether numbers are written as float16.
  ///   - opset: whose operators are written, one of `ONNXFile.opsets`.
  ///   - tail: what comes behind the network.
  init(_ interface: ModelInterface, halves: Bool, opset: Int = ONNXFile.usualOpset, tail: ONNXTail? = nil) {
    (self.interface, numbers, self.opset, self.tail) = (interface, halves ? .float16 : .float, opset, tail)
    if tail?.readsBatch == false {
      let axes = store("\(Network.inputName).axes", [0])
      append("Unsqueeze", [Network.inputName, axes], makes: "\(Network.inputName).batch")
      aliases[Network.inputName] = "\(Network.inputName).batch"
    }
    if element(interface.inputType) != numbers {
      cast(Network.inputName, to: numbers, "\(Network.inputName).cast")
    }
  }

  /// The opset whose operators are written.
  let opset: Int

  enum Attribute {
    case int(Int)
    case float(Double)
    case ints([Int])
    case word(String)
  }

  /// The graph as a file holds it.
  var model: ONNXModelProto {
    var proto = ONNXModelProto()
    // That of the first onnx with the opset.
    proto.irVersion = opset < 15 ? 7 : opset < 19 ? 8 : opset < 21 ? 9 : 10
    proto.producerName = "thresh"
    var operators = ONNXOperatorSetIdProto()
    operators.version = Int64(opset)
    proto.opsetImport = [operators] + (tail?.opsets.filter { !$0.domain.isEmpty } ?? [])
    proto.graph = graph
    return proto
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
      case .word(let word): (attribute.type, attribute.s) = (.string, Data(word.utf8))
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
    proto.dataType = numbers.rawValue
    let stored = tensor.to(numbers == .float16 ? .float16 : .float32).contiguous
    proto.rawData = Data(count: stored.count * stored.dtype.size)
    proto.rawData.withUnsafeMutableBytes { stored.read(into: $0) }
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

  /// Stores numbers of any kind by their bytes, once; gives the name.
  mutating func store(_ name: String, _ bytes: Data, _ type: ONNXType, shape: [Int]) -> String {
    guard !graph.initializer.contains(where: { $0.name == name }) else { return name }
    var proto = ONNXTensorProto()
    (proto.name, proto.dims, proto.dataType, proto.rawData) = (name, shape.map(Int64.init), type.rawValue, bytes)
    graph.initializer.append(proto)
    return name
  }

  /// Stores one number without axes.
  mutating func store(_ name: String, _ number: Double) -> String { store(name, Tensor([number], shape: [])) }

  /// Whether what is stored under this name, if anything is, has the shape of `tensor`.
  func fits(_ tensor: Tensor, under name: String) -> Bool {
    graph.initializer.first { $0.name == name }.map { $0.dims.map(Int.init) == tensor.shape } ?? true
  }

  /// Stores the node's parameters and gives the names of their values.
  ///
  /// - Parameter transposed: whether a weight is wanted with its units along the last axis.
  mutating func weights(of site: ONNXSite, transposed: Bool = false) -> [Role: String] {
    if site.node.parameters[.weightScale] != nil { return quantizedWeights(of: site, transposed: transposed) }
    var names = site.node.parameters.mapValues { store($0, site.network.parameters[$0] ?? .zeros([])) }
    if transposed, let weight = names[.weight] {
      append("Transpose", [weight], makes: "\(site.name).transposed", ["perm": .ints([1, 0])])
      names[.weight] = "\(site.name).transposed"
    }
    return names
  }

  /// Writes a node of the network.
  ///
  /// - Parameter shapes: of every value for one image.
  /// - Throws: `ContainerError` for an operation that cannot be written.
  mutating func write(_ node: Node, of network: Network, _ shapes: [String: [Int]]) throws {
    guard let operation = node.operation as? any ONNXExportable else {
      throw ContainerError(
        "node \(node.name) is a \(type(of: node.operation).kind), which cannot be written as ONNX; report it")
    }
    let site = ONNXSite(
      node: node, network: network, inputs: node.inputs.map(value), shape: shapes[node.inputs.first ?? ""] ?? [])
    operation.write(site, to: &self)
  }

  /// Ends the graph with what the file that the network came from ended with, and names its input and outputs, with a
  /// free batch.
  mutating func declare(input: [Int], outputs: [NetworkOutput]) {
    graph.name = "network"
    graph.input = [info(Network.inputName, element(interface.inputType), input)]
    for (index, output) in outputs.enumerated() {
      var last = value(output.node)
      if let activation = interface.outputActivation, outputs.count == 1 {
        let axis: KeyValuePairs<String, Attribute> = activation == .sigmoid ? [:] : ["axis": .int(1)]
        append(activation.rawValue, [last], makes: "\(output.node).probabilities", axis)
        last = "\(output.node).probabilities"
      }
      let type = element(interface.outputType)
      if type != numbers {
        append("Cast", [last], makes: "\(last).cast\(index)", ["to": .int(Int(type.rawValue))])
        last = "\(last).cast\(index)"
      } else if last == Network.inputName || graph.output.contains(where: { $0.name == last }) {
        // Each output is a value of its own.
        append("Identity", [last], makes: "\(last).output\(index)")
        last = "\(last).output\(index)"
      }
      graph.output.append(info(last, type, output.shape))
    }
    for (index, output) in outputs.enumerated() {
      if let own = output.name ?? interface.outputName, !own.isEmpty { rename(graph.output[index].name, to: own) }
    }
    if let own = interface.inputName, !own.isEmpty { rename(Network.inputName, to: own) }
    appendTail()
  }

  /// Leaves those sizes of input and outputs open that `other`, the same network for larger images, has otherwise, if
  /// this is all that it has otherwise.
  mutating func openSizes(unlike other: ONNXGraphWriter) {
    guard graph.node == other.graph.node, graph.initializer == other.graph.initializer else { return }
    graph.input = zip(graph.input, other.graph.input).map { $0.open(unlike: $1, ["height", "width"]) }
    graph.output = zip(graph.output, other.graph.output).map { own, other in
      own.open(unlike: other, ["\(own.name)_height", "\(own.name)_width"])
    }
  }

  /// Names further inputs, with a free batch.
  mutating func declare(inputs: [(name: String, shape: [Int])]) {
    graph.input += inputs.map { info($0.name, element(interface.inputType), $0.shape) }
  }

  private func element(_ number: ModelInterface.NumberType) -> ONNXType {
    switch number {
    case .float32: .float
    case .float16: .float16
    case .uint8: .uint8
    }
  }

  private mutating func cast(_ name: String, to type: ONNXType, _ result: String) {
    append("Cast", [value(name)], makes: result, ["to": .int(Int(type.rawValue))])
    aliases[name] = result
  }

  /// Gives another name to what is called so.
  private mutating func makeRoom(for name: String) {
    let values = usedNames
    guard values.contains(name) else { return }
    var free = "\(name)_2"
    while values.contains(free) { free += "_" }
    rename(name, to: free)
  }

  /// Gives a value another name everywhere; one that has it already makes room.
  private mutating func rename(_ old: String, to new: String) {
    guard old != new else { return }
    makeRoom(for: new)
    func renamed(_ name: String) -> String { name == old ? new : name }
    for index in graph.node.indices {
      graph.node[index].input = graph.node[index].input.map(renamed)
      graph.node[index].output = graph.node[index].output.map(renamed)
    }
    for index in graph.initializer.indices { graph.initializer[index].name = renamed(graph.initializer[index].name) }
    for index in graph.input.indices { graph.input[index].name = renamed(graph.input[index].name) }
    for index in graph.output.indices { graph.output[index].name = renamed(graph.output[index].name) }
  }

  /// Appends what the file that the network came from has behind it: its outputs take the place of the network's.
  private mutating func appendTail() {
    guard var tail else { return }
    let given = Set(graph.output.map(\.name))
    for output in tail.graph.output where !given.contains(output.name) { makeRoom(for: output.name) }
    var used = usedNames.union(tail.ownNames)
    var others: [String: String] = [:]
    for name in tail.ownNames.intersection(usedNames) {
      var free = "\(name)_2"
      while !used.insert(free).inserted { free += "_" }
      others[name] = free
    }
    tail.rename(others)
    graph.node += tail.graph.node
    graph.initializer += tail.graph.initializer
    graph.output = tail.graph.output
  }

  /// Names of the values that the graph has so far.
  private var usedNames: Set<String> {
    Set(graph.node.flatMap { $0.input + $0.output } + graph.initializer.map(\.name) + graph.input.map(\.name))
  }

  private func info(_ name: String, _ number: ONNXType, _ shape: [Int]) -> ONNXValueInfoProto {
    var batch = ONNXTensorShapeProto.Dimension()
    batch.value = tail?.batch.map { .dimValue(Int64($0)) } ?? .dimParam("batch")
    var type = ONNXTypeProto.Tensor()
    type.elemType = number.rawValue
    type.shape.dim =
      (tail?.readsBatch == false ? [] : [batch])
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

extension ONNXValueInfoProto {
  /// With names in place of sizes that the other value has otherwise: the last ones for the last axes.
  fileprivate func open(unlike other: ONNXValueInfoProto, _ names: [String]) -> ONNXValueInfoProto {
    var result = self
    let rank = type.tensorType.shape.dim.count
    for axis in 0..<rank where type.tensorType.shape.dim[axis] != other.type.tensorType.shape.dim[axis] {
      let place = names.count - (rank - axis)
      result.type.tensorType.shape.dim[axis].dimParam =
        names.indices.contains(place) ? names[place] : "\(name)_size\(axis)"
    }
    return result
  }
}
