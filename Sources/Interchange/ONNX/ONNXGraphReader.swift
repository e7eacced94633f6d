import Containers
import Foundation
import Networks
import ONNXSchema
import Torch

/// What a name of an ONNX graph stands for while the graph is read.
enum ONNXValue {
  /// A value of the network.
  case image(ONNXImage)
  case constant(ONNXConstant)
  /// Sizes of a shape, the batch left open; `isScalar` is one size without an axis.
  case sizes([ONNXSize], isScalar: Bool)
  case indices(ONNXIndices)
  /// A value as numbers of 8 bits, and their grid.
  case quantized(ONNXImage, QuantizationGrid)
  /// What a node makes that cannot be read; whatever reads it is not complained about again.
  case unknown
}

/// A node that cannot be read, and why.
struct ONNXProblem: Error {
  var sentence: String
  init(_ sentence: String) { self.sentence = sentence }
}

/// Reads an ONNX graph node by node into a network.
///
/// The batch is taken out on the way and stays free: `ONNXImage` remembers where the file has it, and every rule turns
/// the file's axes into the image's. What would mix images is a problem. Shapes that the graph computes are folded
/// here, never at the batch of the export.
struct ONNXGraphReader {
  /// Version of the operators.
  let opset: Int
  var nodes: [Node] = []
  var parameters: [String: Tensor] = [:]
  private(set) var values: [String: ONNXValue] = [:]
  var shapes: [String: [Int]] = [:]
  /// How many nodes read each value of the graph.
  private(set) var readers: [String: Int] = [:]
  /// The value of the graph that each node of the network was made for.
  var origins: [String: String] = [:]
  /// Names of the network's values whose shapes a value of the graph was computed from.
  var sizeSources: [String: [String]] = [:]
  /// What made probabilities of the classes and was left out.
  private(set) var outputActivation: OutputActivation?
  /// Elements of constants that were computed so far.
  private var computed = 0
  private let inputShape: [Int]
  /// The graph's input where it is batch × height × width × channels.
  let channelsLastInput: String?
  /// The batch of the export, where it was fixed.
  let exportedBatch: Int?
  private let tensors: ONNXTensors
  private let keepsUnread: Bool

  /// - Parameters:
  ///   - graph: what its outputs need.
  ///   - keepsUnread: whether constants that cannot be read are passed over, as nodes are by `readNodes`.
  init(
    _ graph: ONNXGraphProto, _ input: ONNXInput, opset: Int, _ tensors: ONNXTensors, keepsUnread: Bool = false
  ) throws {
    (self.opset, self.tensors, self.keepsUnread) = (opset, tensors, keepsUnread)
    for proto in graph.initializer {
      guard values[proto.name] == nil else { throw ContainerError("\(tensors.file) holds \(proto.name) twice") }
      do {
        values[proto.name] = .constant(try tensors.constant(proto, name: proto.name, isParameter: true))
      } catch {
        guard keepsUnread else { throw error }
        values[proto.name] = .unknown
      }
    }
    let image = input.sizes
    channelsLastInput = input.isChannelsLast ? input.name : nil
    inputShape = input.isChannelsLast ? [image[2], image[0], image[1]] : image
    exportedBatch = input.batch
    shapes[Network.inputName] = inputShape
    var given = ONNXImage(name: Network.inputName, shape: image, hasBatch: input.hasBatch)
    if input.isChannelsLast, !input.isTurned {
      given.name = "channels_last"
      shapes[given.name] = image
      nodes.append(Node(name: given.name, operation: Transpose([1, 2, 0]), inputs: [Network.inputName]))
    }
    values[input.name] = .image(given)
    for node in graph.node { for input in node.reads { readers[input, default: 0] += 1 } }
    for output in graph.output { readers[output.name, default: 0] += 1 }
  }

  /// Reads all nodes; what cannot be read, and what reads it, stays unknown.
  ///
  /// - Returns: what was wrong, by the node that it was wrong with.
  /// - Throws: `ContainerError` for a constant that cannot be read, unless it is kept.
  mutating func readNodes(of graph: ONNXGraphProto) throws -> [(index: Int, sentence: String)] {
    var problems: [(index: Int, sentence: String)] = []
    let last = graph.lastActivation
    for (index, node) in graph.node.enumerated() {
      do {
        guard try !readsUnknown(node) else {
          for output in node.output { values[output] = .unknown }
          continue
        }
        if let last, last.nodes.contains(index), try takeOff(last.kind, node) { continue }
        do {
          try read(node)
        } catch let problem as ONNXProblem {
          guard try lift(node) else { throw problem }
          try read(node)
        }
      } catch let problem as ONNXProblem {
        problems.append((index, "\(node.opType) (\(Self.label(node))) \(problem.sentence)"))
      } catch let error as NetworkError {
        problems.append((index, "\(node.opType) (\(Self.label(node))) \(error.description)"))
      } catch let error as ContainerError where keepsUnread {
        problems.append((index, error.description))
      }
      for output in node.output where values[output] == nil { values[output] = .unknown }
    }
    return problems
  }

  /// The network of a graph all of which can be read, or one error that says what cannot; tells whether it gives
  /// classes.
  mutating func network(of graph: ONNXGraphProto) throws -> (Network, givesClasses: Bool) {
    let problems = try readNodes(of: graph)
    guard problems.isEmpty else { throw Self.complaint(problems.map(\.sentence), tensors.file) }
    let given = try graph.output.map { output in
      guard case .image(let image) = values[output.name] else {
        throw ContainerError(
          "\(tensors.file) gives \(output.name), which does not depend on the image; export it again")
      }
      return (name: output.name, image: image)
    }
    var output = given.count == 1 ? try classes(given[0].image) : nil
    let givesClasses = output != nil
    if output == nil { output = try result(given, tensors.file) }
    let network = Network(
      inputShape: inputShape, nodes: nodes, output: output?.name ?? Network.inputName, parameters: parameters)
    try network.validate()
    return (network.recognizingFactors(), givesClasses)
  }

  /// One error for all that cannot be read.
  static func complaint(_ problems: [String], _ file: String) -> ContainerError {
    let more = problems.count > 12 ? "; and \(problems.count - 12) more" : ""
    return ContainerError("\(file) cannot be read: \(problems.prefix(12).joined(separator: "; "))\(more)")
  }

  private func readsUnknown(_ node: ONNXNodeProto) throws -> Bool {
    for input in node.reads where !input.isEmpty {
      guard let value = values[input] else { throw ONNXProblem("reads \(input), which no earlier node makes") }
      if case .unknown = value { return true }
    }
    return false
  }

  /// Passes over the node that makes probabilities of the classes; false where it does something else.
  private mutating func takeOff(_ activation: OutputActivation, _ node: ONNXNodeProto) throws -> Bool {
    let input = try image(node)
    // The logarithm behind a softmax goes with it.
    if node.opType.hasSuffix("Softmax") {
      let axis = try input.position(node.integer("axis") ?? (opset < 13 ? 1 : -1))
      // Before opset 13 all axes from there on were taken as one.
      let axes = opset < 13 ? Array(axis..<input.rank) : [axis]
      guard input.standsAlone, !axes.contains(input.axis),
        try axes.map({ input.shape[try input.fixedAxis($0)] }).reduce(1, *) == input.shape.reduce(1, *)
      else { return false }
    } else if node.opType == "Log" {
      guard outputActivation != nil else { return false }
    } else if input.shape.filter({ $0 > 1 }).count > 1 {
      // What is no vector has no classes to make probabilities of.
      return false
    }
    outputActivation = activation
    alias(node, input)
    return true
  }

  private static func label(_ node: ONNXNodeProto) -> String { node.name.isEmpty ? node.output.first ?? "" : node.name }
}

// MARK: What the rules of single operators use

extension ONNXGraphReader {
  func value(_ node: ONNXNodeProto, _ index: Int) -> ONNXValue? {
    guard node.input.indices.contains(index), !node.input[index].isEmpty else { return nil }
    return values[node.input[index]]
  }

  /// The input as a value of the network.
  func image(_ node: ONNXNodeProto, _ index: Int = 0) throws -> ONNXImage {
    let given = value(node, index)
    if case .quantized = given { throw ONNXProblem("reads numbers of 8 bits, expected them behind a DequantizeLinear") }
    guard case .image(let image) = given else {
      throw ONNXProblem("reads a constant as its input \(index + 1), expected a value of the network")
    }
    return image
  }

  /// The same where the operator knows only batch × axes of the image.
  func plainImage(_ node: ONNXNodeProto, _ index: Int = 0) throws -> ONNXImage {
    let image = try image(node, index)
    guard image.isPlain else { throw ONNXProblem("reads a value whose batch is not its first axis") }
    return image
  }

  /// The input as a constant; nil where there is none.
  func constant(_ node: ONNXNodeProto, _ index: Int) throws -> ONNXConstant? {
    switch value(node, index) {
    case nil: return nil
    case .constant(let constant): return constant
    default: throw ONNXProblem("computes its input \(index + 1), expected a constant")
    }
  }

  /// Whole numbers from an attribute, as older opsets have them, or else from an input.
  func integers(_ node: ONNXNodeProto, _ attribute: String, orInput index: Int) throws -> [Int]? {
    if let own = node.integers(attribute) { return own }
    switch value(node, index) {
    case nil: return nil
    case .constant(let constant):
      guard let numbers = constant.integers else { throw ONNXProblem("has \(attribute) that are no whole numbers") }
      return numbers
    case .sizes(let sizes, _):
      return try sizes.map { size in
        guard case .fixed(let number) = size else { throw ONNXProblem("depends on the batch in its \(attribute)") }
        return number
      }
    default: throw ONNXProblem("computes its \(attribute), expected a constant")
    }
  }

  func single(_ node: ONNXNodeProto, _ attribute: String, orInput index: Int) throws -> Double? {
    if let own = node.number(attribute) { return own }
    guard let constant = try constant(node, index) else { return nil }
    guard let number = constant.single else { throw ONNXProblem("has a \(attribute) of shape \(constant.shape)") }
    return number
  }

  mutating func set(_ output: String, _ value: ONNXValue) { values[output] = value }

  /// Sets a constant that was computed, as long as they are not too many.
  mutating func set(_ output: String, computed constant: ONNXConstant) throws {
    computed += constant.name == output ? constant.count : 0
    guard computed <= 1 << 26 else { throw ONNXProblem("computes more constants than a classifier has") }
    values[output] = .constant(constant)
  }

  /// Makes the node's first output another name of a value.
  mutating func alias(_ node: ONNXNodeProto, _ image: ONNXImage) { values[node.output[0]] = .image(image) }

  func shape(_ name: String) -> [Int] { shapes[name] ?? [] }

  func constantTensor(_ proto: ONNXTensorProto, _ name: String) throws -> ONNXConstant {
    try tensors.constant(proto, name: name, isParameter: false)
  }
}
