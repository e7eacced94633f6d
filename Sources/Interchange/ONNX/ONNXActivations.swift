import Networks
import ONNXSchema
import Torch

/// How activations with parameters or along axes are read.
extension ONNXGraphReader {
  /// A softmax or its logarithm. Before opset 13 all axes from the given one on were taken as one.
  mutating func readSoftmax(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    func along(_ axis: Int) -> any Networks.Operation {
      node.opType == "Softmax" ? Softmax(axis: axis) : LogSoftmax(axis: axis)
    }
    let axis = try input.position(node.integer("axis") ?? (opset < 13 ? 1 : -1))
    guard opset < 13 else { return try finish(along(input.fixedAxis(axis)), node, of: input) }
    guard axis > input.axis else { throw ONNXProblem("works along the batch") }
    let first = try input.fixedAxis(axis)
    let long = (first..<input.shape.count).filter { input.shape[$0] > 1 }
    guard long.count > 1 else { return try finish(along(long.first ?? first), node, of: input) }
    let rows = Array(input.shape[..<first]) + [input.shape[first...].reduce(1, *)]
    let flat = try append(reshape(to: rows, from: input.shape), node, suffix: ".flat", reading: [input.name])
    let result = try append(along(first), node, suffix: ".along", reading: [flat])
    try finish(Reshape(input.shape), node, reading: [result], like: input)
  }

  mutating func readPReLU(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    guard var slope = try constant(node, 1) else { throw ONNXProblem("has no slopes") }
    // Before opset 7 slopes were a list with one for each channel.
    if opset < 7, slope.count > 1, slope.shape.count == 1 {
      slope = slope.moved(to: slope.shape + Array(repeating: 1, count: max(0, input.rank - 2))) { $0 }
    }
    guard slope.count > 1 else { return try finish(PReLU(isShared: true), node, slope, input) }
    let axes = slope.shape.indices.filter { slope.shape[$0] > 1 }.map { $0 + input.rank - slope.shape.count }
    guard axes.allSatisfy({ $0 >= 0 }) else { throw ONNXProblem("has slopes of shape \(slope.shape)") }
    if axes.count == 1, axes[0] != input.axis, try input.fixedAxis(axes[0]) == 0, slope.count == input.shape[0] {
      // Exporters keep equal slopes once; what other channels have says nothing of these.
      if parameters[slope.name] != nil { slope.name = "" }
      return try finish(PReLU(isShared: false), node, slope, input)
    }
    // Slopes along other axes: relu(x) − slope·relu(−x).
    let positive = try append(Activation.relu, node, suffix: ".positive", reading: [input.name])
    let mirrored = try append(Affine(scale: -1), node, suffix: ".mirrored", reading: [input.name])
    let negative = try append(Activation.relu, node, suffix: ".negative", reading: [mirrored])
    let stored = try store(slope, toMeet: input, node)
    let sloped = try append(Elementwise.multiply, node, suffix: ".sloped", reading: [negative, stored])
    try finish(Elementwise.subtract, node, reading: [positive, sloped], like: input)
  }

  private mutating func finish(
    _ prelu: PReLU, _ node: ONNXNodeProto, _ slope: ONNXConstant, _ input: ONNXImage
  ) throws {
    let tensor = slope.tensor.reshaped([slope.count])
    try finish(prelu, node, reading: [input.name], like: input, [.weight: (slope.name, tensor)])
  }
}
