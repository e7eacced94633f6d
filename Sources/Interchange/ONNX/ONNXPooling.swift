import Networks
import ONNXSchema
import Torch

/// How pooling by windows is read, and what lies around images there and in convolutions.
extension ONNXGraphReader {
  mutating func readPooling(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    let kernel = node.integers("kernel_shape") ?? []
    let strides = node.integers("strides") ?? [1, 1]
    try requirePairs(kernel, strides)
    guard (node.integers("dilations") ?? [1, 1]).allSatisfy({ $0 == 1 }), input.shape.count == 3 else {
      throw ONNXProblem("is no plain 2-D pooling")
    }
    guard !readsFurtherOutputs(of: node) else { throw ONNXProblem("gives the places of its maxima, which are read") }
    let pads = try pads(node, input, kernel: kernel, strides)
    var geometry = PoolingGeometry(
      kernel: kernel, stride: strides, padding: Array(pads[..<2]), endPadding: Array(pads[2...]),
      countIncludePad: node.opType == "AveragePool" && node.integer("count_include_pad") == 1)
    if node.integer("ceil_mode") == 1, !(node.word("auto_pad") ?? "").hasPrefix("SAME") {
      let floor = windows(geometry, input)
      geometry.ceilMode = true
      // ONNX counts only whole windows there, onnxruntime does not.
      guard node.padsByNumbers || windows(geometry, input) == floor else {
        throw ONNXProblem("rounds up without padding, which is read in two ways; write pads instead of auto_pad")
      }
    }
    try finish(node.opType == "MaxPool" ? Pooling.max(geometry) : .average(geometry), node, of: input)
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
