import Networks
import ONNXSchema
import Torch

/// Positions that count through a whole batch: those of image b are stride·b + offsets, laid out batch × `offsets`.
///
/// PyTorch's newer exporter writes a view of a value (`as_strided`) so.
struct ONNXIndices {
  var stride: Int
  var offsets: ONNXConstant
}

extension ONNXGraphReader {
  /// 0, 1, … up to the batch.
  mutating func setCount(of output: String) {
    let first = ONNXConstant(name: output, shape: [], numbers: .whole([0]), isParameter: false)
    set(output, .indices(ONNXIndices(stride: 1, offsets: first)))
  }

  /// Reads a node that computes with positions; false where it is none.
  mutating func foldIndices(_ node: ONNXNodeProto, _ inputs: [ONNXValue]) throws -> Bool {
    guard let position = inputs.firstIndex(where: { if case .indices = $0 { true } else { false } }),
      case .indices(var indices) = inputs[position]
    else { return false }
    let rank = indices.offsets.shape.count + 1
    switch node.opType {
    case "Identity", "Cast": break
    case "Unsqueeze":
      let given = try integers(node, "axes", orInput: 1) ?? []
      let axes = given.map { $0 < 0 ? $0 + rank + given.count : $0 }.sorted()
      guard rank + axes.count <= ONNXTensors.largestRank else { return false }
      var shape = indices.offsets.shape
      for axis in axes {
        guard (1...shape.count + 1).contains(axis) else { throw ONNXProblem("adds an axis before the batch") }
        shape.insert(1, at: axis - 1)
      }
      indices.offsets = indices.offsets.moved(to: shape) { $0.reshaped(shape) }
    case "Mul":
      guard let factor = wholeOperand(inputs, besides: position), factor.count == 1,
        let number = factor.integers?.first,
        (1...1 << 31).contains(number), let stride = [indices.stride, number].checkedProduct, stride <= 1 << 31,
        let offsets = try ONNXConstant.computed(node, [indices.offsets, factor.moved(to: []) { $0 }])
      else { return false }
      (indices.stride, indices.offsets) = (stride, offsets)
    case "Add":
      guard var term = wholeOperand(inputs, besides: position), term.shape.count <= rank else { return false }
      if term.shape.count == rank {
        let rest = Array(term.shape.dropFirst())
        guard term.shape[0] == 1 else { return false }
        term = term.moved(to: rest) { $0 }
      }
      guard let offsets = try ONNXConstant.computed(node, [indices.offsets, term]) else { return false }
      indices.offsets = offsets
    default: return false
    }
    set(node.output[0], .indices(indices))
    return true
  }

  private func wholeOperand(_ inputs: [ONNXValue], besides position: Int) -> ONNXConstant? {
    guard inputs.count == 2, let constant = asConstant(inputs[1 - position]), constant.isWhole else { return nil }
    return constant
  }

  /// Positions that were written out for a batch that was fixed, as those of each of its images; nil for any others.
  func indices(of input: ONNXImage, _ node: ONNXNodeProto) throws -> ONNXIndices? {
    guard let batch = exportedBatch, node.integer("axis") ?? 0 == 0, input.axis == 0, input.before == 1,
      !input.standsAlone, let constant = try constant(node, 1), constant.shape.first == batch,
      let numbers = constant.integers, !numbers.isEmpty
    else { return nil }
    let first = Array(numbers[..<(numbers.count / batch)])
    let repeats = numbers.indices.allSatisfy { index in
      let (image, place) = index.quotientAndRemainder(dividingBy: first.count)
      return numbers[index] &- first[place] == image &* input.after
    }
    guard repeats else { return nil }
    let offsets = ONNXConstant(
      name: constant.name, shape: Array(constant.shape.dropFirst()), numbers: .whole(first), isParameter: false)
    return ONNXIndices(stride: input.after, offsets: offsets)
  }

  /// The elements at such positions of a value whose first axis is batch·elements.
  mutating func readGather(_ node: ONNXNodeProto, at indices: ONNXIndices) throws {
    let input = try image(node)
    guard node.integer("axis") ?? 0 == 0, input.axis == 0, input.before == 1, input.after == indices.stride,
      !input.standsAlone, let offsets = indices.offsets.integers, offsets.allSatisfy((0..<input.after).contains),
      case let shape = indices.offsets.shape + input.shape.dropFirst(), shape.count < ONNXTensors.largestRank
    else { throw ONNXProblem("picks elements of other images") }
    var picked = input
    if offsets != Array(0..<input.after) {
      picked.name = try append(Gather(axis: 0, indices: offsets), node, suffix: ".slice", reading: [input.name])
      picked.shape = self.shape(picked.name)
    }
    try finish(ONNXImage(name: picked.name, shape: shape), node, from: picked)
  }
}
