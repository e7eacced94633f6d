import Networks
import ONNXSchema
import Torch

/// How pooling by windows is read, and what lies around images there and in convolutions.
extension ONNXGraphReader {
  mutating func readPooling(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard !readsFurtherOutputs(of: node) else { throw ONNXProblem("gives the places of its maxima, which are read") }
    var geometry = try window(of: node, input)
    geometry.countIncludePad = node.opType == "AveragePool" && node.integer("count_include_pad") == 1
    try finish(node.opType == "MaxPool" ? Pooling.max(geometry) : .average(geometry), node, of: input)
  }

  /// (Σ|x|ᵖ)^(1/p) of each window, or of the whole image.
  mutating func readLpPooling(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    let p = node.integer("p") ?? 2
    guard opset > 1, (1...1 << 10).contains(p), input.shape.count == 3 else {
      throw ONNXProblem("takes norms with p = \(p) of values of shape \(input.shape)")
    }
    var mean = Pooling.globalAverage
    var count = input.shape[1] * input.shape[2]
    if node.opType == "LpPool" {
      var geometry = try window(of: node, input)
      // Zeros around add nothing to a sum, and each window is divided by as many.
      geometry.countIncludePad = true
      guard !geometry.ceilMode else { throw ONNXProblem("rounds up (ceil_mode), which is not read of norms") }
      (mean, count) = (.average(geometry), geometry.kernel.reduce(1, *))
    }
    let powers: [any Networks.Operation] = p == 1 ? [Activation.absolute] : [Activation.absolute, Power(Double(p))]
    let steps = powers + [mean, Affine(scale: Double(count))]
    let sum = try append(steps, node, suffix: ".sum", reading: input.name)
    var result = input
    result.name = sum
    try finish(Power(1 / Double(p)), node, of: result)
  }

  /// Size, steps and padding of a node's windows.
  private func window(of node: ONNXNodeProto, _ input: ONNXImage) throws -> PoolingGeometry {
    let kernel = node.integers("kernel_shape") ?? []
    let strides = node.integers("strides") ?? [1, 1]
    try requirePairs(kernel, strides)
    guard input.shape.count == 3 else {
      throw ONNXProblem("pools values of shape \(input.shape), expected channels × height × width")
    }
    let dilations = node.integers("dilations") ?? [1, 1]
    guard dilations.allSatisfy({ $0 == 1 }) else {
      throw ONNXProblem("leaves out pixels of its windows (dilations \(dilations)), which is not read")
    }
    let pads = try pads(node, input, kernel: kernel, strides)
    var geometry = PoolingGeometry(
      kernel: kernel, stride: strides, padding: Array(pads[..<2]), endPadding: Array(pads[2...]))
    if node.integer("ceil_mode") == 1, !(node.word("auto_pad") ?? "").hasPrefix("SAME") {
      let floor = windows(geometry, input)
      geometry.ceilMode = true
      // ONNX counts only whole windows there, onnxruntime does not.
      guard node.padsByNumbers || windows(geometry, input) == floor else {
        throw ONNXProblem("rounds up without padding, which is read in two ways; write pads instead of auto_pad")
      }
    }
    return geometry
  }

  private func windows(_ geometry: PoolingGeometry, _ input: ONNXImage) -> [Int?] {
    (0..<2).map { geometry.windows(along: $0, of: input.shape[$0 + 1]) }
  }

  /// What lies above, to the left, below and to the right of the image.
  func pads(_ node: ONNXNodeProto, _ input: ONNXImage, kernel: [Int], _ strides: [Int]) throws -> [Int] {
    switch node.word("auto_pad") ?? "NOTSET" {
    case _ where node.padsByNumbers:
      let pads = node.integers("pads") ?? [0, 0, 0, 0]
      guard pads.count == 4, pads.allSatisfy({ (0...1 << 16).contains($0) }) else {
        throw ONNXProblem("has pads \(pads)")
      }
      return pads
    case "VALID": return [0, 0, 0, 0]
    case let mode where ["SAME_UPPER", "SAME_LOWER"].contains(mode):
      let total = (0..<2).map { axis -> Int in
        let outputs = (input.shape[axis + 1] + strides[axis] - 1) / strides[axis]
        return max(0, (outputs - 1) * strides[axis] + kernel[axis] - input.shape[axis + 1])
      }
      let small = total.map { $0 / 2 }
      let large = zip(total, small).map { $0 - $1 }
      return mode == "SAME_UPPER" ? small + large : large + small
    default: throw ONNXProblem("pads in an unknown way")
    }
  }
}

extension ONNXNodeProto {
  /// Whether the attribute `pads` says how much lies around, and no rule.
  fileprivate var padsByNumbers: Bool { ["NOTSET", ""].contains(word("auto_pad") ?? "") }
}
