import Networks
import ONNXSchema
import Torch

/// How ConvTranspose is read.
extension ONNXGraphReader {
  mutating func readTransposedConvolution(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    let weight = try weight(node)
    guard weight.shape.count == 4, input.shape.count == 3 else {
      throw ONNXProblem(
        "has a weight of shape \(weight.shape) on values of shape \(input.shape), expected a 2-D transposed convolution"
      )
    }
    let groups = node.integer("group") ?? 1
    guard groups > 0, weight.shape[0] % groups == 0, weight.shape[0] == input.shape[0] else {
      throw ONNXProblem("has a weight of shape \(weight.shape) in \(groups) groups for \(input.shape[0]) channels")
    }
    let window = try TransposedWindow(node, kernel: Array(weight.shape[2...]), pixels: Array(input.shape[1...]))
    var tensors: [Role: (name: String, tensor: Tensor)] = [:]
    tensors[.weight] = (weight.name, weight.tensor.swappingGroupedAxes(groups: groups).contiguous)
    if let bias = try constant(node, 2) { tensors[.bias] = (bias.name, bias.tensor) }
    let operation = TransposedConvolution(
      ConvolutionGeometry(
        stride: window.strides, padding: window.padding, dilation: window.dilations, groups: groups),
      outputPadding: window.outputPadding)
    guard window.cut.contains(where: { $0 != [0, 0] }) else {
      return try finish(operation, node, reading: [input.name], like: input, tensors)
    }
    var result = input
    result.name = try append(operation, node, suffix: ".whole", reading: [input.name], tensors)
    for (axis, cut) in window.cut.enumerated() where cut != [0, 0] {
      let pixels = shape(result.name)[axis + 1]
      result.name = try append(
        Slice(axis: axis + 1, start: cut[0], end: pixels - cut[1]), node, suffix: ".cut\(axis)", reading: [result.name])
    }
    result.shape = shape(result.name)
    alias(node, result)
  }
}

/// How a ConvTranspose walks; what padding differs from side to side is cut off behind it.
private struct TransposedWindow {
  let strides, dilations, padding: [Int]
  var outputPadding: [Int]
  /// Before and behind each axis.
  let cut: [[Int]]

  init(_ node: ONNXNodeProto, kernel: [Int], pixels: [Int]) throws {
    strides = node.integers("strides") ?? [1, 1]
    dilations = node.integers("dilations") ?? [1, 1]
    try requirePairs(strides, dilations, kernel)
    outputPadding = node.integers("output_padding") ?? [0, 0]
    guard outputPadding.count == 2, outputPadding.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw ONNXProblem("has an output padding of \(outputPadding)")
    }
    let (strides, dilations, more) = (strides, dilations, outputPadding)
    var whole = (0..<2).map { (axis: Int) -> Int in
      let reach = dilations[axis] * (kernel[axis] - 1) + 1
      return (pixels[axis] - 1) * strides[axis] + reach + more[axis]
    }
    let wanted = try Self.wanted(node, same: zip(pixels, strides).map { $0 * $1 })
    for (axis, size) in (wanted ?? []).enumerated() where size > whole[axis] {
      // Pixels that no window reaches.
      outputPadding[axis] += size - whole[axis]
      whole[axis] = size
    }
    let pads = try Self.pads(node, whole: whole, wanted)
    let least = (0..<2).map { (axis: Int) -> Int in min(pads[axis], pads[axis + 2]) }
    padding = least
    var cut = (0..<2).map { (axis: Int) -> [Int] in [pads[axis] - least[axis], pads[axis + 2] - least[axis]] }
    for axis in 0..<2 {
      // Less padding at the end is more output; what would be cut off there need not be made.
      let spared = min(cut[axis][1], outputPadding[axis])
      outputPadding[axis] -= spared
      cut[axis][1] -= spared
      guard outputPadding[axis] < max(strides[axis], dilations[axis]) else {
        throw ONNXProblem("has an output padding of \(outputPadding), expected less than the stride or the dilation")
      }
    }
    self.cut = cut
  }

  /// How many pixels come out, where the node says so.
  private static func wanted(_ node: ONNXNodeProto, same: [Int]) throws -> [Int]? {
    guard let given = node.integers("output_shape") else {
      return (node.word("auto_pad") ?? "").hasPrefix("SAME") ? same : nil
    }
    let wanted = Array(given.suffix(2))
    guard wanted.count == 2, wanted.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw ONNXProblem("has the output shape \(given), expected height and width")
    }
    return wanted
  }

  /// What is cut off above, to the left, below and to the right.
  private static func pads(_ node: ONNXNodeProto, whole: [Int], _ wanted: [Int]?) throws -> [Int] {
    let mode = node.word("auto_pad") ?? "NOTSET"
    if let wanted {
      let total = zip(whole, wanted).map { $0 - $1 }
      let small = total.map { $0 / 2 }
      let large = zip(total, small).map { $0 - $1 }
      return mode == "SAME_UPPER" ? small + large : large + small
    }
    guard ["NOTSET", "", "VALID"].contains(mode) else { throw ONNXProblem("pads in an unknown way") }
    let pads = mode == "VALID" ? [0, 0, 0, 0] : node.integers("pads") ?? [0, 0, 0, 0]
    guard pads.count == 4, pads.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw ONNXProblem("has pads \(pads)")
    }
    return pads
  }
}
