import Torch

/// A network as a value: operations in execution order and their parameters by name.
///
/// Everything Thresh does (training, counting, compressing, saving) is a function over this value. Parameter names
/// are PyTorch's state-dict names. `let before = network` stays what it was.
public struct Network: Sendable {
  /// Shape of one input image, without the batch: channels × height × width.
  public var inputShape: [Int]
  /// The operations, each after those it reads.
  public var nodes: [Node]
  /// The name of the node whose value is the result.
  public var output: String
  /// Weights, biases and running statistics by name; nodes refer to them, they do not own them.
  public var parameters: [String: Tensor]

  /// The name under which nodes read the input image.
  public static let inputName = "input"

  public init(inputShape: [Int], nodes: [Node], output: String, parameters: [String: Tensor]) {
    self.inputShape = inputShape
    self.nodes = nodes
    self.output = output
    self.parameters = parameters
  }
}

/// One operation of a network: what it does, what it reads and which parameters it uses.
public struct Node: Sendable {
  public var name: String
  public var operation: any Operation
  /// Names of the nodes it reads, or `Network.inputName`.
  public var inputs: [String]
  public var parameters: [Role: String]
  /// Which factor of a decomposed layer it is, if it is one.
  public var factor: FactorRole?

  public init(
    name: String, operation: any Operation, inputs: [String], parameters: [Role: String] = [:],
    factor: FactorRole? = nil
  ) {
    self.name = name
    self.operation = operation
    self.inputs = inputs
    self.parameters = parameters
    self.factor = factor
  }
}

/// What a parameter is to the node that uses it, spelt as in PyTorch's state dicts.
public enum Role: String, Sendable, Codable, CodingKeyRepresentable, CaseIterable, Comparable {
  case weight
  case bias
  case runningMean = "running_mean"
  case runningVariance = "running_var"
  /// A number of the network's definition, such as a mask; training leaves it alone.
  case constant
  /// For each unit the number of which its weight is whole multiples, −128 to 127 of it; training leaves it alone.
  case weightScale = "weight_scale"

  /// Whether gradients change it; running statistics follow the data instead.
  public var isTrainable: Bool { self == .weight || self == .bias }

  public static func < (a: Role, b: Role) -> Bool { a.position < b.position }

  var position: Int {
    switch self {
    case .weight: 0
    case .bias: 1
    case .runningMean: 2
    case .runningVariance: 3
    case .constant: 4
    case .weightScale: 5
    }
  }
}

extension Network {
  public subscript(name: String) -> Node? { nodes.first { $0.name == name } }

  /// The tensor that `node` uses as `role`.
  public func parameter(_ role: Role, of node: Node) -> Tensor? {
    node.parameters[role].flatMap { parameters[$0] }
  }

  /// Names of the parameters that nodes use, each once, in execution order.
  public var parameterNames: [String] { references.map(\.name) }

  /// Names of the parameters that training changes by gradients, in execution order.
  public var trainableNames: [String] { references.filter(\.role.isTrainable).map(\.name) }

  private var references: [(name: String, role: Role)] {
    var seen = Set<String>()
    return nodes.flatMap { node in
      node.parameters.sorted { $0.key < $1.key }.map { (name: $0.value, role: $0.key) }
    }.filter { seen.insert($0.name).inserted }
  }

  /// Values that are the same for every image and have a batch of one: what is stored, and what comes of that alone.
  public var constantValues: Set<String> {
    nodes.reduce(into: []) { found, node in
      if node.inputs.allSatisfy(found.contains) { found.insert(node.name) }
    }
  }

  /// Nodes that read the value called `name`.
  public func readers(of name: String) -> [Node] { nodes.filter { $0.inputs.contains(name) } }

  /// The same network with every parameter converted.
  public func to(_ dtype: Tensor.DType) -> Network {
    var result = self
    result.parameters = parameters.mapValues { $0.to(dtype) }
    return result
  }
}

/// What is wrong with a network, naming the node.
public struct NetworkError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
