import Networks
import ONNXSchema
import Torch

/// How each operator of ONNX is read.
extension ONNXGraphReader {
  mutating func read(_ node: ONNXNodeProto) throws {
    guard node.domain.isEmpty || node.domain == "ai.onnx" else { throw ONNXProblem("is of domain \(node.domain)") }
    guard !node.output.isEmpty else { throw ONNXProblem("makes nothing") }
    try node.requireKnownAttributes()
    if try foldShapes(node) { return noteSizeSources(node) }
    switch node.opType {
    case "Conv": try readConvolution(node)
    case "ConvTranspose": try readTransposedConvolution(node)
    case "Resize", "Upsample": try readResize(node)
    case "InstanceNormalization": try readInstanceNorm(node)
    case "GroupNormalization": try readGroupNorm(node)
    case "DepthToSpace", "SpaceToDepth": try readDepthToSpace(node)
    case "Gemm": try readGemm(node)
    case "MatMul": try readMatrixProduct(node)
    case "BatchNormalization": try readBatchNorm(node)
    case "LayerNormalization": try readLayerNorm(node)
    case "RMSNormalization": try readRMSNorm(node)
    case "MeanVarianceNormalization": try readMeanVarianceNorm(node)
    case "LpNormalization": try readLpNorm(node)
    case "LRN": try readLRN(node)
    case "MaxPool", "AveragePool": try readPooling(node)
    case "LpPool", "GlobalLpPool": try readLpPooling(node)
    case "GlobalAveragePool": try finish(Pooling.globalAverage, node, of: plainImage(node))
    case "GlobalMaxPool": try finish(Pooling.globalMax, node, of: plainImage(node))
    case "ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin",
      "ReduceLogSum", "ReduceLogSumExp":
      try readReduction(node)
    case "Einsum": try readEinsum(node)
    case "Add", "Sum", "Mul", "Sub", "Div": try readElementwise(node)
    case "Max", "Min": try readExtremum(node)
    case "Mean": try readMean(node)
    case "Celu", "Selu", "Softsign": try readScaledActivation(node)
    case "ThresholdedRelu", "Shrink": try readChosenActivation(node)
    case "Swish" where node.number("alpha") ?? 1 != 1: try readChosenActivation(node)
    case "Pow", "Sqrt", "Reciprocal", "Neg": try readPower(node)
    case "Concat": try readConcatenation(node)
    case "Flatten", "Reshape", "Squeeze", "Unsqueeze": try readReshape(node)
    case "Transpose": try readTranspose(node)
    case "Slice": try readSlice(node)
    case "Split": try readSplit(node)
    case "Gather": try readGather(node)
    case "Compress": try readCompress(node)
    case "Tile": try readTile(node)
    case "Pad": try readPad(node)
    case "Softmax", "LogSoftmax": try readSoftmax(node)
    case "PRelu": try readPReLU(node)
    case "Identity": alias(node, try image(node))
    case "Dropout": try readDropout(node)
    case "Cast", "CastLike": try readCast(node)
    case "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Not", "And", "Or", "Xor":
      try readComparison(node)
    case "Where": if case .image = value(node, 0) { try readChoiceOfImage(node) } else { try readChoice(node) }
    case "QuantizeLinear": try readQuantize(node)
    case "DequantizeLinear": try readDequantize(node)
    case "Expand": try readExpand(node)
    default:
      guard let activation = try activation(node) else {
        throw ONNXProblem("is an operation that Thresh does not support")
      }
      try finish(activation, node, of: image(node))
    }
  }

  /// Kinds of real numbers are alike here; a constant becomes what the second value is.
  private mutating func readCast(_ node: ONNXNodeProto) throws {
    let problem = ONNXProblem("converts an image's values to integers or booleans")
    if node.opType == "CastLike" {
      if case .constant(let constant) = value(node, 0), case .image = value(node, 1) {
        return try set(node.output[0], computed: constant.cast(to: .float).named(node.output[0]))
      }
      guard let like = try constant(node, 1), !like.isWhole else { throw problem }
    } else {
      guard let type = node.castType, [.float, .float16, .double, .bfloat16].contains(type) else { throw problem }
    }
    alias(node, try image(node))
  }

  private func activation(_ node: ONNXNodeProto) throws -> Activation? {
    switch node.opType {
    case "Relu": return .relu
    case "LeakyRelu": return .leakyRelu(slope: node.number("alpha") ?? 0.01)
    case "Elu": return .elu(alpha: node.number("alpha") ?? 1)
    case "Sigmoid": return .sigmoid
    case "Tanh": return .tanh
    case "Erf": return .erf
    case "Softplus": return .softplus
    case "Mish": return .mish
    case "Exp": return .exponential
    case "Log": return .logarithm
    case "Abs": return .absolute
    case "Sign": return .sign
    case "Gelu": return .gelu(approximated: node.word("approximate") == "tanh")
    case "Swish": return .silu
    case "HardSwish": return .hardSwish
    case "HardSigmoid":
      // The attribute is a float: 0.16666667 is meant to be a sixth.
      let slope = node.number("alpha") ?? 0.2
      return .hardSigmoid(slope: abs(slope - 1.0 / 6) < 1e-6 ? 1.0 / 6 : slope, shift: node.number("beta") ?? 0.5)
    case "Clip":
      // No bound, or an infinite one, is the largest number there is.
      let largest = Double.greatestFiniteMagnitude
      let low = try max(single(node, "min", orInput: 1) ?? -largest, -largest)
      let high = try min(single(node, "max", orInput: 2) ?? largest, largest)
      guard low == 0 else { return .clip(low: low, high: high) }
      // The largest float32 is how some files write that there is no bound.
      return high < Double(Float.greatestFiniteMagnitude) ? .cappedRelu(limit: high) : .relu
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
    if node.input.count == 1 { return alias(node, try image(node)) }
    let second = try secondOperand(node)
    func operand(_ index: Int) -> ONNXValue? { index == 1 ? second : value(node, index) }
    let constants = node.input.indices.filter { if case .constant = operand($0) { true } else { false } }
    guard let index = constants.first else {
      let images = try node.input.indices.map { index in
        if case .image(let image) = operand(index) { image } else { try image(node, index) }
      }
      let (names, like) = try met(images, node)
      return try finish(operation, node, reading: names, like: like)
    }
    guard node.input.count == 2, case .constant(let constant) = operand(index) else {
      let (names, like) = try operands(node)
      return try finish(operation, node, reading: names, like: like)
    }
    let input = try image(node, 1 - index)
    if constant.shape.count <= input.rank, let number = constant.single {
      return try readAffine(node, operation, number, isFirst: index == 0, input)
    }
    if operation == .add, input.shape.last.map({ constant.shape == [$0] }) ?? false, input.axesFromBatch > 1,
      addBias(constant, to: input.name, of: node.input[1 - index])
    {
      return alias(node, input)
    }
    if try absorb(constant, operation, intoNormOf: input, node.input[1 - index], node) { return }
    let stored = try store(constant, toMeet: input, node)
    try finish(operation, node, reading: index == 0 ? [stored, input.name] : [input.name, stored], like: input)
  }

  private mutating func readAffine(
    _ node: ONNXNodeProto, _ operation: Elementwise, _ number: Double, isFirst: Bool, _ input: ONNXImage
  ) throws {
    switch operation {
    case .add: try finish(Affine(shift: number), node, of: input)
    case .multiply: try finish(Affine(scale: number), node, of: input)
    case .subtract: try finish(isFirst ? Affine(scale: -1, shift: number) : Affine(shift: -number), node, of: input)
    case .divide where !isFirst: try finish(Affine(scale: 1 / number), node, of: input)
    case .divide:
      let inverse = try append(Power(-1), node, suffix: ".inverse", reading: [input.name])
      try finish(Affine(scale: number), node, reading: [inverse], like: input)
    }
  }

  private mutating func readPower(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    switch node.opType {
    case "Sqrt": try finish(Power(0.5), node, of: input)
    case "Reciprocal": try finish(Power(-1), node, of: input)
    case "Neg": try finish(Affine(scale: -1), node, of: input)
    default:
      guard let exponent = try constant(node, 1)?.single else { throw ONNXProblem("has no single exponent") }
      try finish(Power(exponent), node, of: input)
    }
  }
}
