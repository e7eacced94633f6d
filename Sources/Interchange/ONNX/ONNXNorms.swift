import Networks
import ONNXSchema
import Torch

/// How norms that are quotients by sums of other values are read.
extension ONNXGraphReader {
  mutating func readLayerNorm(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axes = try lastAxes(of: input, node)
    let scale = try weight(node)
    var tensors: [Role: (name: String, tensor: Tensor)] = [.weight: (scale.name, scale.tensor)]
    if let bias = try constant(node, 2) { tensors[.bias] = (bias.name, bias.tensor) }
    let epsilon = node.number("epsilon") ?? 1e-5
    try finish(
      LayerNorm(axes: axes.count, epsilon: epsilon), node, reading: [input.name], like: input, tensors)
    guard readsFurtherOutputs(of: node) else { return }
    var (mean, inverse) = (input, input)
    (mean.name, inverse.name) = try statistics(of: input, axes, epsilon, node)
    for (index, var image) in [(1, mean), (2, inverse)] where node.output.count > index {
      image.shape = shape(image.name)
      set(node.output[index], .image(image))
    }
  }

  /// x / √(mean of x² + ε) · scale.
  mutating func readRMSNorm(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axes = try lastAxes(of: input, node)
    let inverse = try inverseRoot(of: input.name, axes, node.number("epsilon") ?? 1e-5, node)
    let normed = try append(Elementwise.multiply, node, suffix: ".normalized", reading: [input.name, inverse])
    let scale = try store(weight(node), toMeet: input, node)
    try finish(Elementwise.multiply, node, reading: [normed, scale], like: input)
  }

  /// (x − mean) / √(variance + 10⁻⁹).
  mutating func readMeanVarianceNorm(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axes = try Set((node.integers("axes") ?? [0, 2, 3]).map { try input.fixedAxis($0) }).sorted()
    let (mean, inverse) = try statistics(of: input, axes, 1e-9, node)
    let centred = try append(Elementwise.subtract, node, suffix: ".difference", reading: [input.name, mean])
    try finish(Elementwise.multiply, node, reading: [centred, inverse], like: input)
  }

  /// x / (Σ|x|ᵖ)^(1/p); where that is zero, zero.
  mutating func readLpNorm(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axis = try input.fixedAxis(node.integer("axis") ?? -1)
    let p = node.integer("p") ?? 2
    guard p == 1 || p == 2 else { throw ONNXProblem("has p = \(p), expected 1 or 2") }
    let (mean, count) = (Mean(axes: [axis]), Affine(scale: Double(input.shape[axis])))
    let steps: [any Networks.Operation] =
      p == 1 ? [Activation.absolute, mean, count] : [Power(2), mean, count, Power(0.5)]
    let least = Activation.clip(low: Double(Float.leastNormalMagnitude), high: .greatestFiniteMagnitude)
    let norm = try append(steps + [least], node, suffix: ".norm", reading: input.name)
    try finish(Elementwise.divide, node, reading: [input.name, norm], like: input)
  }

  /// x / (bias + α · mean of x² over neighbouring channels)^β, the channels beyond the ends counted as zeros.
  mutating func readLRN(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard let size = node.integer("size"), (1...1 << 16).contains(size), input.shape.count >= 2 else {
      throw ONNXProblem("has values of shape \(input.shape) and \(node.integer("size") ?? 0) neighbours")
    }
    let channels = input.shape[0]
    let plane = [1, channels, input.shape[1...].reduce(1, *)]
    let before = (size - 1) / 2
    let window = PoolingGeometry(
      kernel: [size, 1], stride: [1, 1], padding: [before, 0], endPadding: [size - 1 - before, 0],
      countIncludePad: true)
    let steps: [any Networks.Operation] = [
      Power(2), Reshape(plane), Pooling.average(window), Reshape(input.shape),
      Affine(scale: node.number("alpha") ?? 1e-4, shift: node.number("bias") ?? 1), Power(node.number("beta") ?? 0.75),
    ]
    let divisor = try append(steps, node, suffix: ".divisor", reading: input.name)
    try finish(Elementwise.divide, node, reading: [input.name, divisor], like: input)
  }

  /// From the axis that the node names to the last one, as axes of one image.
  private func lastAxes(of input: ONNXImage, _ node: ONNXNodeProto) throws -> [Int] {
    let axis = try input.position(node.integer("axis") ?? -1)
    guard axis > input.axis else { throw ONNXProblem("normalises along the batch") }
    return try (axis..<input.rank).map { try input.fixedAxis($0) }
  }

  /// The mean, and 1 / √(variance + ε).
  private mutating func statistics(
    of input: ONNXImage, _ axes: [Int], _ epsilon: Double, _ node: ONNXNodeProto
  ) throws -> (mean: String, inverse: String) {
    let mean = try append(Mean(axes: axes), node, suffix: ".mean", reading: [input.name])
    let centred = try append(Elementwise.subtract, node, suffix: ".centred", reading: [input.name, mean])
    return (mean, try inverseRoot(of: centred, axes, epsilon, node))
  }

  /// 1 / √(mean of x² + ε).
  private mutating func inverseRoot(
    of name: String, _ axes: [Int], _ epsilon: Double, _ node: ONNXNodeProto
  ) throws -> String {
    try append(
      [Power(2), Mean(axes: axes), Affine(shift: epsilon), Power(-0.5)], node, suffix: ".inverse", reading: name)
  }
}
