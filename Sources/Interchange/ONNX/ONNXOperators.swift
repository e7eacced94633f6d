import Networks
import ONNXSchema
import Torch

/// How each operator of ONNX is read.
extension ONNXGraphReader {
  mutating func read(_ node: ONNXNodeProto) throws {
    guard node.domain.isEmpty || node.domain == "ai.onnx" else { throw ONNXProblem("is of domain \(node.domain)") }
    guard !node.output.isEmpty else { throw ONNXProblem("makes nothing") }
    if try foldShapes(node) { return }
    switch node.opType {
    case "Conv": try readConvolution(node)
    case "Gemm": try readGemm(node)
    case "MatMul": try readMatrixProduct(node)
    case "BatchNormalization": try readBatchNorm(node)
    case "LayerNormalization": try readLayerNorm(node)
    case "MaxPool", "AveragePool": try readPooling(node)
    case "GlobalAveragePool": try finish(Pooling.globalAverage, node, reading: [image(node).name])
    case "GlobalMaxPool": try finish(Pooling.globalMax, node, reading: [image(node).name])
    case "ReduceMean": try readMean(node)
    case "Add", "Sum", "Mul", "Sub", "Div": try readElementwise(node)
    case "Pow", "Sqrt", "Reciprocal", "Neg": try readPower(node)
    case "Concat": try readConcatenation(node)
    case "Flatten", "Reshape", "Squeeze", "Unsqueeze": try readReshape(node)
    case "Transpose": try readTranspose(node)
    case "Slice": try readSlice(node)
    case "Split": try readSplit(node)
    case "Gather": try readGather(node)
    case "Pad": try readPad(node)
    case "Softmax":
      let (name, shape) = try image(node)
      let axis = try fixedAxis(node.integer("axis") ?? (opset < 13 ? 1 : -1), of: shape)
      // Before opset 13 all axes from there on were taken as one.
      guard opset >= 13 || axis == shape.count - 1 else { throw ONNXProblem("goes over several axes at once") }
      try finish(Softmax(axis: axis), node, reading: [name])
    case "Identity", "Dropout", "Cast": alias(node, try image(node).name)
    default:
      guard let activation = try activation(node) else {
        throw ONNXProblem("is an operation that Thresh does not have")
      }
      try finish(activation, node, reading: [image(node).name])
    }
  }

  private func activation(_ node: ONNXNodeProto) throws -> Activation? {
    switch node.opType {
    case "Relu": return .relu
    case "LeakyRelu": return .leakyRelu(slope: node.number("alpha") ?? 0.01)
    case "Elu": return .elu(alpha: node.number("alpha") ?? 1)
    case "Sigmoid": return .sigmoid
    case "Tanh": return .tanh
    case "Erf": return .erf
    case "Gelu": return .gelu(approximated: node.word("approximate") == "tanh")
    case "Swish": return (node.number("alpha") ?? 1) == 1 ? .silu : nil
    case "HardSwish": return .hardSwish
    case "HardSigmoid":
      // The attribute is a float: 0.16666667 is meant to be a sixth.
      let slope = node.number("alpha") ?? 0.2
      return .hardSigmoid(slope: abs(slope - 1.0 / 6) < 1e-6 ? 1.0 / 6 : slope, shift: node.number("beta") ?? 0.5)
    case "Clip":
      let low = try single(node, "min", orInput: 1) ?? -Double.greatestFiniteMagnitude
      let high = try single(node, "max", orInput: 2) ?? Double.greatestFiniteMagnitude
      return low == 0 && high < Double.greatestFiniteMagnitude ? .cappedRelu(limit: high) : .clip(low: low, high: high)
    default: return nil
    }
  }
}

// MARK: Arithmetic

extension ONNXGraphReader {
  private mutating func readElementwise(_ node: ONNXNodeProto) throws {
    let operations: [String: Elementwise] = [
      "Add": .add, "Sum": .add, "Mul": .multiply, "Sub": .subtract, "Div": .divide,
    ]
    guard let operation = operations[node.opType] else { throw ONNXProblem("is no arithmetic") }
    if node.input.count == 1 { return alias(node, try image(node).name) }
    let constants = node.input.indices.filter { if case .constant = value(node, $0) { true } else { false } }
    guard let index = constants.first else {
      return try finish(operation, node, reading: node.input.indices.map { try image(node, $0).name })
    }
    guard node.input.count == 2, case .constant(let constant) = value(node, index) else {
      throw ONNXProblem("mixes several values and constants")
    }
    let (input, shape) = try image(node, 1 - index)
    if let number = constant.single { return try readAffine(node, operation, number, isFirst: index == 0, input) }
    if operation == .add, shape.last.map({ constant.shape == [$0] }) ?? false, isReadOnce(node.input[1 - index]),
      addBias(constant, to: input)
    {
      return alias(node, input)
    }
    let stored = try store(constant, for: shape, node)
    try finish(operation, node, reading: index == 0 ? [stored, input] : [input, stored])
  }

  /// A constant as a value of as many axes as the other has, without the batch.
  private mutating func store(_ constant: ONNXConstant, for shape: [Int], _ node: ONNXNodeProto) throws -> String {
    var own = constant.shape
    if own.count == shape.count + 1 {
      guard own[0] == 1 else { throw ONNXProblem("has a constant of shape \(own) that goes along the batch") }
      own.removeFirst()
    }
    guard own.count <= shape.count else {
      throw ONNXProblem("has a constant of shape \(own) for values of shape \(shape)")
    }
    own = Array(repeating: 1, count: shape.count - own.count) + own
    let role: Role = constant.isParameter ? .weight : .constant
    return try append(
      Stored(), node, suffix: ".operand", reading: [], [role: ("", constant.tensor.reshaped(own))])
  }

  private mutating func readAffine(
    _ node: ONNXNodeProto, _ operation: Elementwise, _ number: Double, isFirst: Bool, _ input: String
  ) throws {
    switch operation {
    case .add: try finish(Affine(shift: number), node, reading: [input])
    case .multiply: try finish(Affine(scale: number), node, reading: [input])
    case .subtract:
      try finish(isFirst ? Affine(scale: -1, shift: number) : Affine(shift: -number), node, reading: [input])
    case .divide where !isFirst: try finish(Affine(scale: 1 / number), node, reading: [input])
    case .divide:
      let inverse = try append(Power(-1), node, suffix: ".inverse", reading: [input])
      try finish(Affine(scale: number), node, reading: [inverse])
    }
  }

  private mutating func readPower(_ node: ONNXNodeProto) throws {
    let (input, _) = try image(node)
    switch node.opType {
    case "Sqrt": try finish(Power(0.5), node, reading: [input])
    case "Reciprocal": try finish(Power(-1), node, reading: [input])
    case "Neg": try finish(Affine(scale: -1), node, reading: [input])
    default:
      guard let exponent = try constant(node, 1)?.single else { throw ONNXProblem("has no single exponent") }
      try finish(Power(exponent), node, reading: [input])
    }
  }
}
