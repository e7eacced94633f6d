import Networks
import ONNXSchema
import Torch

/// How layers with weights, and pooling, are read.
extension ONNXGraphReader {
  private typealias Tensors = [Role: (name: String, tensor: Tensor)]

  func weight(_ node: ONNXNodeProto, _ index: Int = 1) throws -> ONNXConstant {
    guard let constant = try constant(node, index) else { throw ONNXProblem("has no weight") }
    return constant
  }

  mutating func readConvolution(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    let weight = try weight(node)
    guard weight.shape.count == 4, input.shape.count == 3 else {
      throw ONNXProblem(
        "has a weight of shape \(weight.shape) on values of shape \(input.shape), expected a 2-D convolution")
    }
    let kernel = Array(weight.shape[2...])
    let (strides, dilations) = (node.integers("strides") ?? [1, 1], node.integers("dilations") ?? [1, 1])
    try requirePairs(strides, dilations)
    let reach = zip(kernel, dilations).map { ($0 - 1) * $1 + 1 }
    let (source, padding) = try padded(node, input, kernel: reach, strides)
    var tensors: Tensors = [.weight: (weight.name, weight.tensor)]
    tensors[.weightScale] = try weight.scales(ofUnits: 0)
    if let bias = try constant(node, 2) { tensors[.bias] = (bias.name, bias.tensor) }
    let geometry = ConvolutionGeometry(
      stride: strides, padding: padding, dilation: dilations, groups: node.integer("group") ?? 1)
    try finish(Convolution(geometry), node, reading: [source], like: input, tensors)
  }

  /// The value with zeros around where they differ from side to side, and the padding that is left.
  private mutating func padded(
    _ node: ONNXNodeProto, _ input: ONNXImage, kernel: [Int], _ strides: [Int]
  ) throws -> (name: String, padding: [Int]) {
    let pads = try pads(node, input, kernel: kernel, strides)
    guard pads[0] != pads[2] || pads[1] != pads[3] else { return (input.name, Array(pads[..<2])) }
    var source = input.name
    for axis in 0..<2 where pads[axis] + pads[axis + 2] > 0 {
      source = try append(
        Pad(axis: axis + 1, before: pads[axis], after: pads[axis + 2]), node, suffix: ".pad\(axis)", reading: [source])
    }
    return (source, [0, 0])
  }

  mutating func readGemm(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let weight = try weight(node)
    guard weight.shape.count == 2, (node.integer("transA") ?? 0) == 0, input.rank == 2, input.axis == 0 else {
      throw ONNXProblem("is no linear layer")
    }
    let isTransposed = node.integer("transB") == 1
    var matrix = isTransposed ? weight.tensor : weight.tensor.transposed.contiguous
    let alpha = node.number("alpha") ?? 1
    if alpha != 1 { matrix = matrix * alpha }
    var tensors: Tensors = [.weight: (weight.name, matrix)]
    if alpha == 1 { tensors[.weightScale] = try weight.scales(ofUnits: isTransposed ? 0 : 1) }
    if let bias = try constant(node, 2) {
      let beta = node.number("beta") ?? 1
      let units = matrix.shape[0]
      guard let spread = try bias.expanded(to: [1, units]), spread.shape == [1, units] else {
        throw ONNXProblem("has a bias of shape \(bias.shape), expected one number for each of \(units) units")
      }
      let vector = spread.tensor.reshaped([units])
      tensors[.bias] = (bias.name, beta == 1 ? vector : vector * beta)
    }
    try finish(Linear(), node, reading: [input.name], like: input, tensors)
  }

  mutating func readMatrixProduct(_ node: ONNXNodeProto) throws {
    if case .constant(let weight) = value(node, 1), weight.shape.count == 2 {
      let input = try image(node)
      guard input.axesFromBatch > 1 else { throw ONNXProblem("sums along the batch") }
      var tensors: Tensors = [.weight: (weight.name, weight.tensor.transposed.contiguous)]
      tensors[.weightScale] = try weight.scales(ofUnits: 1)
      return try finish(Linear(), node, reading: [input.name], like: input, tensors)
    }
    if case .constant(let vector) = value(node, 1), vector.shape.count == 1 {
      let input = try image(node)
      guard input.axesFromBatch > 1 else { throw ONNXProblem("sums along the batch") }
      var row = input
      row.name = try append(
        Linear(), node, suffix: ".row", reading: [input.name],
        [.weight: (vector.name, vector.tensor.reshaped([1, vector.count]))])
      row.shape = shape(row.name)
      return try finish(row.without([row.rank - 1]), node, from: row)
    }
    let images = node.input.indices.compactMap { try? image(node, $0) }
    guard let like = images.first else {
      throw ONNXProblem("reads a constant as either of its inputs, expected a value of the network")
    }
    // The last two axes are the matrices'.
    guard node.input.count == 2, images.allSatisfy({ $0.axesFromBatch > 2 }) else {
      throw ONNXProblem("multiplies matrices that hold several images")
    }
    guard images.count < 2 else {
      let (names, like) = try met(images, node)
      return try finish(MatrixProduct(), node, reading: names, like: like)
    }
    let isFirst = if case .constant = value(node, 0) { true } else { false }
    guard let matrix = try constant(node, isFirst ? 0 : 1), matrix.shape.count >= 2 else {
      throw ONNXProblem("multiplies a vector with matrices of the image")
    }
    let stored = try store(matrix, toMeet: like, node)
    try finish(MatrixProduct(), node, reading: isFirst ? [stored, like.name] : [like.name, stored], like: like)
  }

  mutating func readBatchNorm(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    try requireEvaluation(node)
    // Until opset 8 there could be statistics for every place of the image.
    guard opset > 8 || node.integer("spatial") != 0 || input.shape.count == 1 else {
      throw ONNXProblem("has statistics for every pixel (spatial = 0), expected one for each channel")
    }
    var tensors: Tensors = [:]
    let roles: [(index: Int, role: Role)] = [(1, .weight), (2, .bias), (3, .runningMean), (4, .runningVariance)]
    for (index, role) in roles {
      let constant = try weight(node, index)
      tensors[role] = (constant.name, constant.tensor)
    }
    try finish(BatchNorm(epsilon: node.number("epsilon") ?? 1e-5), node, reading: [input.name], like: input, tensors)
  }
}

/// Two positive numbers each, for height and width.
func requirePairs(_ lists: [Int]...) throws {
  for list in lists where list.count != 2 || !list.allSatisfy({ (1...1 << 16).contains($0) }) {
    throw ONNXProblem("has sizes \(list), expected two for height and width")
  }
}
