import Compaction
import struct Foundation.Data
import Networks
import ONNXSchema
import Torch

/// Parts of networks as ONNX files of their own, for other runtimes to time: with numbers made up, nothing beside the
/// graph, and not read back.
public struct ONNXFragment {
  private var network: Network
  /// What is read beside the network's input.
  private var inputs: [(name: String, shape: [Int])] = []
  private var shapes: [String: [Int]]

  /// A whole network.
  ///
  /// - Throws: `NetworkError` when it is not valid.
  public init(_ network: Network) throws {
    self.network = network
    shapes = try network.validate()
  }

  /// An instruction as the runtime will see it: a layer with the addition and the activation behind it, a pair of
  /// factors as two layers.
  ///
  /// - Throws: `NetworkError` when its shapes do not fit.
  public init(_ instruction: ShapedInstruction) throws {
    network = Network(
      inputShape: instruction.inputs.first ?? [], nodes: [], output: Network.inputName, parameters: [:])
    shapes = [Network.inputName: network.inputShape]
    let others = instruction.inputs.dropFirst().enumerated().map { (name: "other\($0)", shape: $1) }
    for other in others { shapes[other.name] = other.shape }
    inputs = others
    let generator = Generator(seed: 0)
    let all = instruction.operation.operations
    // Beside a layer, or a norm, that is fused with what follows stands what is added behind it.
    let isFused = if case .single = instruction.operation { false } else { true }
    for (operation, parameters) in zip(all, instruction.parameters) {
      try append(operation, alone: isFused, parameters, generator)
    }
    if isFused, let other = others.first { try append(Elementwise.add, with: [other.name]) }
    switch instruction.operation {
    case .activatedNorm(_, let window):
      try append(Activation.relu)
      if window != [1, 1] { try append(Pooling.max(PoolingGeometry(kernel: window, stride: window))) }
    case .convolution, .pair: if instruction.operation.appliesReLU { try append(Activation.relu) }
    case .single: break
    }
  }

  /// Nothing but the start of a runtime: the ReLU of one number.
  public static var empty: ONNXFragment {
    get throws {
      try ONNXFragment(ShapedInstruction(Activation.relu, inputs: [[1]], parameters: [:]))
    }
  }

  /// The file's bytes, in float32, its batch free.
  ///
  /// - Throws: `ContainerError` for an operation that cannot be written.
  public var data: Data {
    get throws {
      var writer = ONNXGraphWriter(ModelInterface(), halves: false)
      for node in network.nodes { try writer.write(node, of: network, shapes) }
      writer.declare(input: network.inputShape, output: network.output, shape: shapes[network.output] ?? [])
      writer.declare(inputs: inputs)
      return try writer.model.serializedBytes()
    }
  }

  /// Appends a node that reads the last value, and all other inputs or `others`.
  private mutating func append(
    _ operation: any Networks.Operation, with others: [String] = [], alone: Bool = true,
    _ parameters: [Role: [Int]] = [:], _ generator: Generator = Generator(seed: 0)
  ) throws {
    let name = "node\(network.nodes.count)"
    var node = Node(
      name: name, operation: operation, inputs: [network.output] + others + (alone ? [] : inputs.map(\.name)))
    for (role, shape) in parameters {
      node.parameters[role] = "\(name).\(role.rawValue)"
      let size = Double(max(1, shape.dropFirst().reduce(1, *))).squareRoot()
      network.parameters["\(name).\(role.rawValue)"] = Tensor.uniform(shape, in: 0.5...1.5, using: generator) / size
    }
    shapes[name] = try operation.shape(of: node.inputs.map { shapes[$0] ?? [] }, parameters: parameters)
    network.nodes.append(node)
    network.output = name
  }
}
