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
      try finish(Softmax(axis: fixedAxis(node.integer("axis") ?? -1, of: shape)), node, reading: [name])
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

// MARK: Layers

extension ONNXGraphReader {
  private typealias Tensors = [Role: (name: String, tensor: Tensor)]

  private func weight(_ node: ONNXNodeProto, _ index: Int = 1) throws -> ONNXConstant {
    guard let constant = try constant(node, index) else { throw ONNXProblem("has no weight") }
    return constant
  }

  private mutating func readConvolution(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let weight = try weight(node)
    guard weight.shape.count == 4, shape.count == 3 else {
      throw ONNXProblem("has a weight of shape \(weight.shape) on values of shape \(shape), expected a 2-D convolution")
    }
    let kernel = Array(weight.shape[2...])
    let (strides, dilations) = (node.integers("strides") ?? [1, 1], node.integers("dilations") ?? [1, 1])
    try requirePairs(strides, dilations)
    let reach = zip(kernel, dilations).map { ($0 - 1) * $1 + 1 }
    let (source, padding) = try padded(node, input, shape, kernel: reach, strides)
    var tensors: Tensors = [.weight: (weight.name, weight.tensor)]
    if let bias = try constant(node, 2) { tensors[.bias] = (bias.name, bias.tensor) }
    let geometry = ConvolutionGeometry(
      stride: strides, padding: padding, dilation: dilations, groups: node.integer("group") ?? 1)
    try finish(Convolution(geometry), node, reading: [source], tensors)
  }

  /// The value with zeros around where they differ from side to side, and the padding that is left.
  private mutating func padded(
    _ node: ONNXNodeProto, _ input: String, _ shape: [Int], kernel: [Int], _ strides: [Int]
  ) throws -> (name: String, padding: [Int]) {
    var pads = node.integers("pads") ?? [0, 0, 0, 0]
    switch node.word("auto_pad") ?? "NOTSET" {
    case "NOTSET", "": break
    case "VALID": pads = [0, 0, 0, 0]
    case let mode where mode.hasPrefix("SAME"):
      let total = (0..<2).map { axis -> Int in
        let outputs = (shape[axis + 1] + strides[axis] - 1) / strides[axis]
        return max(0, (outputs - 1) * strides[axis] + kernel[axis] - shape[axis + 1])
      }
      let small = total.map { $0 / 2 }
      let large = zip(total, small).map { $0 - $1 }
      pads = mode == "SAME_UPPER" ? small + large : large + small
    default: throw ONNXProblem("pads in an unknown way")
    }
    guard pads.count == 4, pads.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw ONNXProblem("has pads \(pads)")
    }
    guard pads[0] != pads[2] || pads[1] != pads[3] else { return (input, Array(pads[..<2])) }
    guard node.opType != "MaxPool" else { throw ONNXProblem("pads its sides differently") }
    guard node.opType != "AveragePool" || node.integer("count_include_pad") == 1 else {
      throw ONNXProblem("pads its sides differently")
    }
    var source = input
    for axis in 0..<2 where pads[axis] + pads[axis + 2] > 0 {
      source = try append(
        Pad(axis: axis + 1, before: pads[axis], after: pads[axis + 2]), node, suffix: ".pad\(axis)", reading: [source])
    }
    return (source, [0, 0])
  }

  private mutating func readGemm(_ node: ONNXNodeProto) throws {
    let (input, _) = try image(node)
    let weight = try weight(node)
    guard weight.shape.count == 2, (node.integer("transA") ?? 0) == 0 else {
      throw ONNXProblem("is no linear layer")
    }
    var matrix = node.integer("transB") == 1 ? weight.tensor : weight.tensor.transposed.contiguous
    if let alpha = node.number("alpha"), alpha != 1 { matrix = matrix * alpha }
    var tensors: Tensors = [.weight: (weight.name, matrix)]
    if let bias = try constant(node, 2) {
      let beta = node.number("beta") ?? 1
      let vector = bias.tensor.reshaped([-1])
      guard vector.count == matrix.shape[0] else { throw ONNXProblem("has a bias of shape \(bias.shape)") }
      tensors[.bias] = (bias.name, beta == 1 ? vector : vector * beta)
    }
    try finish(Linear(), node, reading: [input], tensors)
  }

  private mutating func readMatrixProduct(_ node: ONNXNodeProto) throws {
    if case .constant(let weight) = value(node, 1) {
      let (input, _) = try image(node)
      guard weight.shape.count == 2 else { throw ONNXProblem("multiplies with a constant of shape \(weight.shape)") }
      return try finish(
        Linear(), node, reading: [input], [.weight: (weight.name, weight.tensor.transposed.contiguous)])
    }
    try finish(MatrixProduct(), node, reading: [image(node).name, image(node, 1).name])
  }

  private mutating func readBatchNorm(_ node: ONNXNodeProto) throws {
    let (input, _) = try image(node)
    var tensors: Tensors = [:]
    let roles: [(index: Int, role: Role)] = [(1, .weight), (2, .bias), (3, .runningMean), (4, .runningVariance)]
    for (index, role) in roles {
      let constant = try weight(node, index)
      tensors[role] = (constant.name, constant.tensor)
    }
    try finish(BatchNorm(epsilon: node.number("epsilon") ?? 1e-5), node, reading: [input], tensors)
  }

  private mutating func readLayerNorm(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let axis = try fixedAxis(node.integer("axis") ?? -1, of: shape)
    let scale = try weight(node)
    var tensors: Tensors = [.weight: (scale.name, scale.tensor)]
    if let bias = try constant(node, 2) { tensors[.bias] = (bias.name, bias.tensor) }
    let norm = LayerNorm(axes: shape.count - axis, epsilon: node.number("epsilon") ?? 1e-5)
    try finish(norm, node, reading: [input], tensors)
  }

  private mutating func readPooling(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let kernel = node.integers("kernel_shape") ?? []
    let strides = node.integers("strides") ?? [1, 1]
    try requirePairs(kernel, strides)
    guard (node.integers("dilations") ?? [1, 1]).allSatisfy({ $0 == 1 }), shape.count == 3, node.output.count == 1
    else {
      throw ONNXProblem("is no plain 2-D pooling")
    }
    let (source, padding) = try padded(node, input, shape, kernel: kernel, strides)
    let geometry = PoolingGeometry(
      kernel: kernel, stride: strides, padding: padding, ceilMode: node.integer("ceil_mode") == 1,
      countIncludePad: node.opType == "AveragePool" && node.integer("count_include_pad") == 1)
    try finish(node.opType == "MaxPool" ? Pooling.max(geometry) : .average(geometry), node, reading: [source])
  }

  private mutating func readMean(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    guard let given = try integers(node, "axes", orInput: 1) else { throw ONNXProblem("takes the mean over the batch") }
    let axes = try given.map { try fixedAxis($0, of: shape) }.sorted()
    let keeps = node.integer("keepdims") != 0
    let operation: any Networks.Operation =
      shape.count == 3 && axes == [1, 2] ? Pooling.globalAverage : Mean(axes: axes)
    let mean = try append(operation, node, suffix: keeps ? "" : ".mean", reading: [input])
    guard !keeps else { return alias(node, mean) }
    let rest = shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    try finish(self.reshape(to: rest, from: self.shape(mean)), node, reading: [mean])
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

/// Two positive numbers each, for height and width.
private func requirePairs(_ lists: [Int]...) throws {
  for list in lists where list.count != 2 || !list.allSatisfy({ (1...1 << 16).contains($0) }) {
    throw ONNXProblem("has sizes \(list), expected two for height and width")
  }
}
