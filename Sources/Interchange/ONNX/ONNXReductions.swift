import Networks
import ONNXSchema

/// How reductions along axes are read.
extension ONNXGraphReader {
  /// The mean along axes, the sum as a multiple of it, functions of sums, and the largest or least.
  mutating func readReduction(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let given = try integers(node, "axes", orInput: 1) ?? []
    guard !given.isEmpty else {
      guard node.integer("noop_with_empty_axes") == 1 else { throw ONNXProblem("goes along the batch") }
      // Whether functions of the sum are applied then is read in two ways.
      guard ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"].contains(node.opType) else {
        throw ONNXProblem("names no axes, which is read in two ways; name them")
      }
      return alias(node, input)
    }
    let axes = try Set(given.map { try input.fixedAxis($0) }).sorted()
    let isOfPixels = input.isPlain && input.shape.count == 3 && axes == [1, 2]
    let mean: any Networks.Operation = isOfPixels ? Pooling.globalAverage : Mean(axes: axes)
    let largest: any Networks.Operation = isOfPixels ? Pooling.globalMax : Maximum(axes: axes)
    let sum: [any Networks.Operation] = [mean, Affine(scale: Double(axes.map { input.shape[$0] }.reduce(1, *)))]
    var result = input
    // What the last step reads beside the step before it.
    var others: [String] = []
    let steps: [any Networks.Operation]
    switch node.opType {
    case "ReduceMean": steps = [mean]
    case "ReduceSum": steps = sum
    case "ReduceMax": steps = [largest]
    case "ReduceMin": steps = [Affine(scale: -1), largest, Affine(scale: -1)]
    case "ReduceL1": steps = [Activation.absolute] + sum
    case "ReduceSumSquare": steps = [Power(2)] + sum
    case "ReduceLogSum": steps = sum + [Activation.logarithm]
    case "ReduceLogSumExp":
      // Less the largest value, so that no exponential is infinite.
      others = [try append(largest, node, suffix: ".largest", reading: [input.name])]
      result.name = try append(Elementwise.subtract, node, suffix: ".rest", reading: [input.name] + others)
      steps = [Activation.exponential] + sum + [Activation.logarithm, Elementwise.add]
    default: steps = [Power(2)] + sum + [Power(0.5)]
    }
    let keeps = node.integer("keepdims") != 0
    for (index, step) in steps.enumerated() {
      let isLast = index == steps.count - 1
      let reading = [result.name] + (isLast ? others : [])
      if keeps, isLast { return try finish(step, node, reading: reading, like: result) }
      let suffix = step is Mean || step is Pooling ? ".mean" : step is Maximum ? ".largest" : ".step\(index)"
      result.name = try append(step, node, suffix: suffix, reading: reading)
      result.shape = shape(result.name)
    }
    try finish(result.without(given.map { try input.position($0) }), node, from: result)
  }
}
