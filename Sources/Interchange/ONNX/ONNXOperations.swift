import Containers
import Networks
import Torch

/// How each operation is written as nodes of ONNX.
extension ONNXGraphWriter {
  /// - Parameter shapes: of every value for one image.
  /// - Throws: `ContainerError` for an operation that ONNX cannot express.
  mutating func write(_ node: Node, of network: Network, _ shapes: [String: [Int]]) throws {
    let inputs = node.inputs.map(value)
    let shape = shapes[node.inputs.first ?? ""] ?? []
    if let prelu = node.operation as? PReLU { return write(prelu, node, inputs[0], network, rank: shape.count) }
    let weights = node.parameters.mapValues { name in store(name, network.parameters[name] ?? .zeros([])) }
    switch node.operation {
    case let convolution as Convolution: write(convolution, node, inputs, weights, network)
    case is Linear: write(linear: node, inputs, weights, isVector: shape.count == 1)
    case let norm as BatchNorm: write(norm, node, inputs, weights, channels: shape[0])
    case let norm as LayerNorm: write(norm, node, inputs, weights, Array(shape.suffix(norm.axes)))
    case let activation as Activation: write(activation, node.name, inputs[0])
    case let pooling as Pooling: write(pooling, node.name, inputs, shape)
    case let elementwise as Elementwise: write(elementwise, node.name, inputs)
    case let affine as Affine: write(affine, node.name, inputs[0])
    case let power as Power:
      append("Pow", [inputs[0], store("\(node.name).exponent", power.exponent)], makes: node.name)
    case let concatenate as Concatenate:
      let constants = network.constantValues
      let inputs = node.inputs.enumerated().map { index, name in
        constants.contains(name) && !constants.contains(node.name)
          ? spread(value(name), rank: shape.count, "\(node.name).spread\(index)") : value(name)
      }
      append("Concat", inputs, makes: node.name, ["axis": .int(concatenate.axis + 1)])
    case is Flatten: append("Flatten", inputs, makes: node.name, ["axis": .int(1)])
    case let reshape as Reshape:
      // 0 takes the batch from the input.
      append("Reshape", inputs + [store("\(node.name).shape", [0] + reshape.shape)], makes: node.name)
    case let slice as Slice: write(slice, node.name, inputs[0], size: shape[slice.axis])
    case let pad as Pad:
      let (rank, axis) = (shape.count + 1, pad.axis + 1)
      let pads = (0..<rank).map { $0 == axis ? pad.before : 0 } + (0..<rank).map { $0 == axis ? pad.after : 0 }
      let value = pad.value == 0 ? [] : [store("\(node.name).value", pad.value)]
      append("Pad", inputs + [store("\(node.name).pads", pads)] + value, makes: node.name)
    case let gather as Gather:
      append(
        "Gather", inputs + [store("\(node.name).indices", gather.indices)], makes: node.name,
        ["axis": .int(gather.axis + 1)])
    case let softmax as Softmax: append("Softmax", inputs, makes: node.name, ["axis": .int(softmax.axis + 1)])
    case let softmax as LogSoftmax: append("LogSoftmax", inputs, makes: node.name, ["axis": .int(softmax.axis + 1)])
    case let maximum as Maximum:
      append(
        "ReduceMax", inputs, makes: node.name, ["axes": .ints(maximum.axes.map { $0 + 1 }), "keepdims": .int(1)])
    case let mean as Mean:
      append("ReduceMean", inputs, makes: node.name, ["axes": .ints(mean.axes.map { $0 + 1 }), "keepdims": .int(1)])
    case let transpose as Transpose:
      append("Transpose", inputs, makes: node.name, ["perm": .ints([0] + transpose.permutation.map { $0 + 1 })])
    case is MatrixProduct: append("MatMul", inputs, makes: node.name)
    case is Stored:
      let stored = weights[.weight] ?? weights[.constant] ?? ""
      append("Unsqueeze", [stored, store("\(node.name).axes", [0])], makes: node.name)
    case is Dropout: alias(node.name, of: node.inputs[0])
    default:
      throw ContainerError(
        "node \(node.name) is a \(type(of: node.operation).kind), which cannot be written as ONNX; report it")
    }
  }
}

// MARK: Layers

extension ONNXGraphWriter {
  private mutating func write(
    _ convolution: Convolution, _ node: Node, _ inputs: [String], _ weights: [Role: String], _ network: Network
  ) {
    let geometry = convolution.geometry
    let kernel = Array((network.parameter(.weight, of: node)?.shape ?? []).dropFirst(2))
    append(
      "Conv", inputs + [weights[.weight], weights[.bias]].compactMap(\.self), makes: node.name,
      [
        "kernel_shape": .ints(kernel), "strides": .ints(geometry.stride),
        "pads": .ints(geometry.padding + geometry.padding), "dilations": .ints(geometry.dilation),
        "group": .int(geometry.groups),
      ])
  }

  /// A vector goes through Gemm, tokens through a matrix product with the transposed weight.
  private mutating func write(
    linear node: Node, _ inputs: [String], _ weights: [Role: String], isVector: Bool
  ) {
    guard !isVector, let name = weights[.weight] else {
      return append(
        "Gemm", inputs + [weights[.weight], weights[.bias]].compactMap(\.self), makes: node.name, ["transB": .int(1)])
    }
    let transposed = "\(node.name).transposed"
    append("Transpose", [name], makes: transposed, ["perm": .ints([1, 0])])
    guard let bias = weights[.bias] else { return append("MatMul", inputs + [transposed], makes: node.name) }
    append("MatMul", inputs + [transposed], makes: "\(node.name).product")
    append("Add", ["\(node.name).product", bias], makes: node.name)
  }

  private mutating func write(
    _ norm: BatchNorm, _ node: Node, _ inputs: [String], _ weights: [Role: String], channels: Int
  ) {
    let scale = weights[.weight] ?? store("\(node.name).ones", .ones([channels]))
    let shift = weights[.bias] ?? store("\(node.name).zeros", .zeros([channels]))
    append(
      "BatchNormalization",
      inputs + [scale, shift] + [weights[.runningMean], weights[.runningVariance]].compactMap(\.self),
      makes: node.name, ["epsilon": .float(norm.epsilon)])
  }

  /// A slope for each channel meets values along their first axis, so that axes of one element come behind it.
  private mutating func write(_ prelu: PReLU, _ node: Node, _ x: String, _ network: Network, rank: Int) {
    guard let name = node.parameters[.weight], let slope = network.parameters[name] else { return }
    let stored = slope.reshaped(slope.shape + Array(repeating: 1, count: prelu.isShared ? 0 : rank - 1))
    // Another node may have stored it for values of another rank, or reads it as something else than a slope.
    let dims = graph.initializer.first { $0.name == name }?.dims.map { Int($0) } ?? stored.shape
    let users = network.nodes.filter { $0.parameters.values.contains(name) }
    let fits = dims == stored.shape && users.allSatisfy { $0.operation is PReLU }
    append("PRelu", [x, store(fits ? name : "\(node.name).slope", stored)], makes: node.name)
  }

  private mutating func write(
    _ norm: LayerNorm, _ node: Node, _ inputs: [String], _ weights: [Role: String], _ shape: [Int]
  ) {
    let scale = weights[.weight] ?? store("\(node.name).ones", .ones(shape))
    append(
      "LayerNormalization", inputs + [scale] + [weights[.bias]].compactMap(\.self), makes: node.name,
      ["axis": .int(-norm.axes), "epsilon": .float(norm.epsilon)])
  }
}

// MARK: Operations without parameters

extension ONNXGraphWriter {
  private mutating func write(_ activation: Activation, _ name: String, _ x: String) {
    switch activation {
    case .relu: append("Relu", [x], makes: name)
    case .leakyRelu(let slope): append("LeakyRelu", [x], makes: name, ["alpha": .float(slope)])
    case .cappedRelu(let limit): clip(x, 0, limit, name)
    case .clip(let low, let high): clip(x, low, high, name)
    case .elu(let alpha): append("Elu", [x], makes: name, ["alpha": .float(alpha)])
    case .sigmoid: append("Sigmoid", [x], makes: name)
    case .tanh: append("Tanh", [x], makes: name)
    case .erf: append("Erf", [x], makes: name)
    case .hardSwish: append("HardSwish", [x], makes: name)
    case .hardSigmoid(let slope, let shift):
      append("HardSigmoid", [x], makes: name, ["alpha": .float(slope), "beta": .float(shift)])
    case .silu:
      append("Sigmoid", [x], makes: "\(name).sigmoid")
      append("Mul", [x, "\(name).sigmoid"], makes: name)
    case .gelu(approximated: false):
      append("Mul", [x, store("\(name).root", 0.5.squareRoot())], makes: "\(name).scaled")
      append("Erf", ["\(name).scaled"], makes: "\(name).erf")
      gate(x, "\(name).erf", name)
    case .gelu(approximated: true):
      append("Pow", [x, store("\(name).three", 3.0)], makes: "\(name).cube")
      append("Mul", ["\(name).cube", store("\(name).share", 0.044715)], makes: "\(name).part")
      append("Add", [x, "\(name).part"], makes: "\(name).sum")
      append("Mul", ["\(name).sum", store("\(name).root", (2 / Double.pi).squareRoot())], makes: "\(name).scaled")
      append("Tanh", ["\(name).scaled"], makes: "\(name).tanh")
      gate(x, "\(name).tanh", name)
    }
  }

  private mutating func clip(_ x: String, _ low: Double, _ high: Double, _ name: String) {
    append("Clip", [x, store("\(name).low", low), store("\(name).high", high)], makes: name)
  }

  /// x·(1 + gate)/2.
  private mutating func gate(_ x: String, _ gate: String, _ name: String) {
    append("Add", [gate, store("\(name).one", 1.0)], makes: "\(name).open")
    append("Mul", [x, "\(name).open"], makes: "\(name).twice")
    append("Mul", ["\(name).twice", store("\(name).half", 0.5)], makes: name)
  }

  private mutating func write(_ pooling: Pooling, _ name: String, _ inputs: [String], _ shape: [Int]) {
    switch pooling {
    case .max(let geometry): pool("MaxPool", geometry, name, inputs, shape)
    case .average(let geometry): pool("AveragePool", geometry, name, inputs, shape)
    case .globalAverage: append("GlobalAveragePool", inputs, makes: name)
    case .globalMax: append("GlobalMaxPool", inputs, makes: name)
    }
  }

  private mutating func pool(
    _ type: String, _ geometry: PoolingGeometry, _ name: String, _ inputs: [String], _ shape: [Int]
  ) {
    let (kernel, strides) = (Attribute.ints(geometry.kernel), Attribute.ints(geometry.stride))
    let written = geometry.written(for: shape)
    let pads = Attribute.ints(written.padding + written.endPadding)
    let ceil = Attribute.int(written.ceilMode ? 1 : 0)
    if type == "MaxPool" {
      append(type, inputs, makes: name, ["kernel_shape": kernel, "strides": strides, "pads": pads, "ceil_mode": ceil])
    } else {
      append(
        type, inputs, makes: name,
        [
          "kernel_shape": kernel, "strides": strides, "pads": pads, "ceil_mode": ceil,
          "count_include_pad": .int(geometry.countIncludePad ? 1 : 0),
        ])
    }
  }

  private mutating func write(_ elementwise: Elementwise, _ name: String, _ inputs: [String]) {
    let type =
      switch elementwise {
      case .add: "Add"
      case .multiply: "Mul"
      case .subtract: "Sub"
      case .divide: "Div"
      }
    var left = inputs[0]
    for (index, right) in inputs.dropFirst().enumerated() {
      let isLast = index == inputs.count - 2
      let result = isLast ? name : "\(name).\(index)"
      append(type, [left, right], makes: result)
      left = result
    }
  }

  /// A value of a batch of one, spread over the images'.
  private mutating func spread(_ x: String, rank: Int, _ name: String) -> String {
    append("Shape", [value(Network.inputName)], makes: "\(name).batch", ["end": .int(1)])
    let ones = store("\(name).ones", Array(repeating: 1, count: rank))
    append("Concat", ["\(name).batch", ones], makes: "\(name).shape", ["axis": .int(0)])
    append("Expand", [x, "\(name).shape"], makes: name)
    return name
  }

  private mutating func write(_ affine: Affine, _ name: String, _ x: String) {
    guard affine.shift != 0 else {
      return append("Mul", [x, store("\(name).scale", affine.scale)], makes: name)
    }
    guard affine.scale != 1 else {
      return append("Add", [x, store("\(name).shift", affine.shift)], makes: name)
    }
    append("Mul", [x, store("\(name).scale", affine.scale)], makes: "\(name).scaled")
    append("Add", ["\(name).scaled", store("\(name).shift", affine.shift)], makes: name)
  }

  private mutating func write(_ slice: Slice, _ name: String, _ x: String, size: Int) {
    append(
      "Slice",
      [
        x, store("\(name).starts", [slice.start]), store("\(name).ends", [slice.end ?? size]),
        store("\(name).axes", [slice.axis + 1]), store("\(name).steps", [slice.step]),
      ], makes: name)
  }
}

extension PoolingGeometry {
  /// The same windows of values of `shape`, as opset 17 counts them.
  ///
  /// It has a last window counted that begins in the padding, which nothing that runs it does. So numbers are rounded up
  /// only where that makes a window more, and on the other axis padding that is in no window is left out.
  fileprivate func written(for shape: [Int]) -> PoolingGeometry {
    var result = self
    result.ceilMode = false
    let (all, whole) = (windows(of: shape), result.windows(of: shape))
    guard all != whole else { return result }
    result.ceilMode = true
    for axis in 0..<2 where all[axis] == whole[axis] {
      let reach = (all[axis] - 1) * stride[axis] + kernel[axis] - padding[axis]
      result.endPadding[axis] = max(0, reach - shape[axis + 1])
    }
    return result
  }

  private func windows(of shape: [Int]) -> [Int] { (0..<2).map { windows(along: $0, of: shape[$0 + 1]) ?? 1 } }
}
