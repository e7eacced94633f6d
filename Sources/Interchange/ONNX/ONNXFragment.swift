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
  /// Whether what it reads and gives is of 8 bits.
  private var isRounded = false

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
  /// In 8 bits what it reads and gives is such numbers too where runtimes compute it so. What only moves numbers stays in
  /// float32: alone, onnxruntime pools 64×32×32 numbers of 8 bits in 0.325 ms, between layers, in their layout, in 0.008.
  ///
  /// - Throws: `NetworkError` when its shapes do not fit.
  public init(_ instruction: ShapedInstruction, _ precision: TimingConditions.Precision = .float32) throws {
    network = Network(
      inputShape: instruction.inputs.first ?? [], nodes: [], output: Network.inputName, parameters: [:])
    shapes = [Network.inputName: network.inputShape]
    inputs = instruction.inputs.dropFirst().enumerated().map { (name: "other\($0)", shape: $1) }
    for input in inputs { shapes[input.name] = input.shape }
    let steps = instruction.steps
    let rules = steps.map(\.operation.quantizationRule)
    isRounded = precision == .int8 && rules.contains(where: \.isComputed)
    var others = inputs.map(\.name)
    if isRounded {
      others = others.map { round($0) }
      network.output = round(Network.inputName)
    }
    let generator = Generator(seed: 0)
    for (index, step) in steps.enumerated() {
      try append(step.operation, with: step.readsOthers ? others : [], step.parameters, generator)
      let next = index + 1 < steps.count ? rules[index + 1] : nil
      if isRounded, rules[index].isRounded(before: next) { network.output = round(network.output) }
    }
  }

  /// Nothing but the start of a runtime: the ReLU of one number.
  public static var empty: ONNXFragment {
    get throws {
      try ONNXFragment(ShapedInstruction(Activation.relu, inputs: [[1]], parameters: [:]))
    }
  }

  /// The file's bytes, its batch free.
  ///
  /// - Throws: `ContainerError` for an operation that cannot be written.
  public var data: Data {
    get throws {
      var writer = ONNXGraphWriter(ModelInterface(), halves: false)
      for node in network.nodes { try writer.write(node, of: network, shapes) }
      writer.declare(input: network.inputShape, outputs: network.outputs(shapes))
      writer.declare(inputs: inputs)
      var model = writer.model
      if isRounded { model.graph.handOverWholeNumbers() }
      return try model.serializedBytes()
    }
  }

  /// Appends a node that reads the last value and `others`.
  private mutating func append(
    _ operation: any Networks.Operation, with others: [String], _ parameters: [Role: [Int]], _ generator: Generator
  ) throws {
    let name = "node\(network.nodes.count)"
    var node = Node(name: name, operation: operation, inputs: [network.output] + others)
    for (role, shape) in parameters {
      node.parameters[role] = "\(name).\(role.rawValue)"
      let size = Double(max(1, shape.dropFirst().reduce(1, *))).squareRoot()
      network.parameters["\(name).\(role.rawValue)"] = Tensor.uniform(shape, in: 0.5...1.5, using: generator) / size
    }
    shapes[name] = try operation.shape(of: node.inputs.map { shapes[$0] ?? [] }, parameters: parameters)
    if isRounded, operation is any WeightedOperation, let units = parameters[.weight]?[0] {
      node.parameters[.weightScale] = "\(name).\(Role.weightScale.rawValue)"
      network.parameters["\(name).\(Role.weightScale.rawValue)"] = Tensor.ones([units]) / 63
    }
    network.nodes.append(node)
    network.output = name
  }

  /// Appends what rounds a value, and names it. With zero as the least number runtimes leave a ReLU before it out.
  private mutating func round(_ value: String) -> String {
    let name = "\(value).uint8"
    let grid = QuantizationGrid(scale: 1 / 32, zeroPoint: 0, .uint8)
    network.nodes.append(Node(name: name, operation: Quantize(grid), inputs: [value]))
    shapes[name] = shapes[value]
    return name
  }
}

extension ShapedInstruction {
  /// An operation, whether it reads what the instruction reads beside its input, and its parameters.
  fileprivate typealias Step = (operation: any Networks.Operation, readsOthers: Bool, parameters: [Role: [Int]])

  /// Its operations one after the other: beside a layer, or a norm, that is fused with what follows stands what is added
  /// behind it.
  fileprivate var steps: [Step] {
    if case .single(let operation) = operation { return [(operation, true, parameters[0])] }
    var steps: [Step] = zip(operation.operations, parameters).map { ($0, false, $1) }
    if inputs.count > 1 { steps.append((Elementwise.add, true, [:])) }
    if case .activatedNorm(_, let window) = operation {
      steps.append((Activation.relu, false, [:]))
      if window != [1, 1] { steps.append((Pooling.max(PoolingGeometry(kernel: window, stride: window)), false, [:])) }
    } else if operation.appliesReLU {
      steps.append((Activation.relu, false, [:]))
    }
    return steps
  }
}

extension QuantizationRule {
  fileprivate var isComputed: Bool { if case .computes = self { true } else { false } }

  /// Whether runtimes do it with numbers of 8 bits.
  fileprivate var handlesWholeNumbers: Bool {
    switch self {
    case .computes, .moves: true
    case .saturates, .float: false
    }
  }

  /// Whether its result is rounded where `next` reads it; nil is the end. It is what `QuantizationSites` says of a whole
  /// network, for a few operations in a row that may read several inputs, which a `Network` does not have.
  fileprivate func isRounded(before next: QuantizationRule?) -> Bool {
    switch self {
    case .computes(let resultMayBeFloat):
      next != .saturates && (!resultMayBeFloat || next?.handlesWholeNumbers ?? false)
    case .moves, .saturates: true
    case .float: next?.handlesWholeNumbers ?? false
    }
  }
}

extension ONNXGraphProto {
  /// Lets what is rounded first, or last, come and go as whole numbers, as it does between the layers of a network.
  fileprivate mutating func handOverWholeNumbers() {
    for index in input.indices {
      let name = input[index].name
      guard let rounding = node.firstIndex(where: { $0.opType == "QuantizeLinear" && $0.input[0] == name }) else {
        continue
      }
      let whole = node.remove(at: rounding).output[0]
      input[index].name = whole
      input[index].type.tensorType.elemType = ONNXType.uint8.rawValue
    }
    let last = output[0].name
    guard let back = node.lastIndex(where: { $0.opType == "DequantizeLinear" && $0.output[0] == last }) else {
      return
    }
    output[0].name = node.remove(at: back).input[0]
    output[0].type.tensorType.elemType = ONNXType.uint8.rawValue
  }
}
