import Networks
import ONNXSchema
import Torch

/// How operators that move elements about are read.
extension ONNXGraphReader {
  /// The operation between two shapes of as many elements; flattening keeps track of the channels.
  func reshape(to shape: [Int], from old: [Int]) -> any Networks.Operation {
    shape.count == 1 && old.count == 3 ? Flatten() : Reshape(shape)
  }

  mutating func readReshape(_ node: ONNXNodeProto) throws {
    let (input, old) = try image(node)
    let new = try newShape(node, old)
    guard new != old else { return alias(node, input) }
    try finish(reshape(to: new, from: old), node, reading: [input])
  }

  private func newShape(_ node: ONNXNodeProto, _ old: [Int]) throws -> [Int] {
    switch node.opType {
    case "Flatten":
      guard (node.integer("axis") ?? 1) == 1 else { throw ONNXProblem("lays out axes other than the batch's rest") }
      return [old.reduce(1, *)]
    case "Squeeze":
      let given = try integers(node, "axes", orInput: 1)
      let axes = try given?.map { try fixedAxis($0, of: old) } ?? old.indices.filter { old[$0] == 1 }
      guard axes.allSatisfy({ old[$0] == 1 }) else {
        throw ONNXProblem("takes away axes of shape \(old) that are not 1")
      }
      return old.indices.filter { !axes.contains($0) }.map { old[$0] }
    case "Unsqueeze":
      guard let axes = try integers(node, "axes", orInput: 1) else { throw ONNXProblem("names no axes") }
      var shape = [0] + old
      let rank = shape.count + axes.count
      guard rank <= ONNXTensors.largestRank else { throw ONNXProblem("makes a value of \(rank) axes") }
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard axis > 0, axis <= shape.count else { throw ONNXProblem("adds an axis before the batch") }
        shape.insert(1, at: axis)
      }
      return Array(shape.dropFirst())
    default: return try reshaped(node, old)
    }
  }

  /// The target of a Reshape, its first size being the batch.
  private func reshaped(_ node: ONNXNodeProto, _ old: [Int]) throws -> [Int] {
    var target: [ONNXSize]
    switch value(node, 1) {
    case .sizes(let list, _): target = list
    case .constant(let constant): target = (constant.integers ?? []).map(ONNXSize.fixed)
    default: throw ONNXProblem("computes its shape")
    }
    guard let first = target.first else { throw ONNXProblem("makes a value without axes") }
    target.removeFirst()
    let count = old.reduce(1, *)
    let zeroCopies = node.integer("allowzero") != 1
    let sizes = try target.enumerated().map { index, size -> Int in
      guard case .fixed(let number) = size else { throw ONNXProblem("moves the batch") }
      if number == 0, zeroCopies, old.indices.contains(index) { return old[index] }
      return number
    }
    guard let known = sizes.filter({ $0 >= 0 }).checkedProduct, known > 0, sizes.filter({ $0 < 0 }).count <= 1 else {
      throw ONNXProblem("has the shape \(sizes)")
    }
    let shape = sizes.map { $0 < 0 ? count / known : $0 }
    let isBatch =
      switch first {
      case .batch, .fixed(0), .fixed(-1): true
      case .fixed(let number): number == exportedBatch
      }
    guard isBatch, shape.count <= ONNXTensors.largestRank, shape.checkedProduct == count else {
      throw ONNXProblem("gives values of shape \(old) the shape \(shape), which moves the batch")
    }
    return shape
  }

  mutating func readTranspose(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let order = node.integers("perm") ?? Array((0...shape.count).reversed())
    guard order.count == shape.count + 1, order.first == 0 else { throw ONNXProblem("moves the batch") }
    let permutation = order.dropFirst().map { $0 - 1 }
    guard permutation != Array(shape.indices) else { return alias(node, input) }
    try finish(Transpose(permutation), node, reading: [input])
  }

  mutating func readConcatenation(_ node: ONNXNodeProto) throws {
    let inputs = try node.input.indices.map { try image(node, $0) }
    guard !inputs.isEmpty else { throw ONNXProblem("joins nothing") }
    let axis = try fixedAxis(node.integer("axis") ?? 0, of: inputs[0].shape)
    try finish(Concatenate(axis: axis), node, reading: inputs.map(\.name))
  }

  mutating func readSlice(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    guard let starts = try integers(node, "starts", orInput: 1), let ends = try integers(node, "ends", orInput: 2)
    else { throw ONNXProblem("has no starts and ends") }
    let axes = try integers(node, "axes", orInput: 3) ?? Array(0..<starts.count)
    let steps = try integers(node, "steps", orInput: 4) ?? Array(repeating: 1, count: starts.count)
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw ONNXProblem("has \(starts.count) starts, \(ends.count) ends, \(axes.count) axes and \(steps.count) steps")
    }
    var source = input
    for (index, given) in axes.enumerated() {
      let axis = try fixedAxis(given, of: shape)
      let size = shape[axis]
      func bound(_ number: Int) -> Int { min(size, max(0, number < 0 ? number + size : number)) }
      let slice = Slice(axis: axis, start: bound(starts[index]), end: bound(ends[index]), step: steps[index])
      guard slice.start != 0 || slice.end != size || slice.step != 1 else { continue }
      source = try append(slice, node, suffix: index == axes.count - 1 ? "" : ".\(index)", reading: [source])
    }
    alias(node, source)
  }

  mutating func readSplit(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let axis = try fixedAxis(node.integer("axis") ?? 0, of: shape)
    let count = node.output.count
    let equal = (shape[axis] + count - 1) / count
    let sizes =
      try integers(node, "split", orInput: 1) ?? (0..<count).map { min(equal, shape[axis] - $0 * equal) }
    guard sizes.count == count, sizes.allSatisfy({ (1...shape[axis]).contains($0) }), sizes.reduce(0, +) == shape[axis]
    else {
      throw ONNXProblem("splits \(shape[axis]) into \(sizes)")
    }
    var start = 0
    for (index, size) in sizes.enumerated() {
      let slice = Slice(axis: axis, start: start, end: start + size)
      let name = try append(slice, node, suffix: ".\(index)", reading: [input])
      set(node.output[index], .image(name: name, shape: self.shape(name)))
      start += size
    }
  }

  mutating func readGather(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    guard let picked = try constant(node, 1), let numbers = picked.integers, picked.shape.count <= 1 else {
      throw ONNXProblem("has indices that are no list of numbers")
    }
    let axis = try fixedAxis(node.integer("axis") ?? 0, of: shape)
    let indices = numbers.map { $0 < 0 ? $0 + shape[axis] : $0 }
    guard picked.shape.isEmpty else { return try finish(Gather(axis: axis, indices: indices), node, reading: [input]) }
    let one = try append(Gather(axis: axis, indices: indices), node, suffix: ".slice", reading: [input])
    try finish(Reshape(shape.indices.filter { $0 != axis }.map { shape[$0] }), node, reading: [one])
  }

  mutating func readPad(_ node: ONNXNodeProto) throws {
    let (input, shape) = try image(node)
    let mode = node.word("mode") ?? "constant"
    guard mode == "constant", try single(node, "value", orInput: 2) ?? 0 == 0 else {
      throw ONNXProblem("pads with something other than zeros")
    }
    guard let pads = try integers(node, "pads", orInput: 1), pads.count % 2 == 0 else {
      throw ONNXProblem("has no pads")
    }
    let half = pads.count / 2
    let axes = try integers(node, "axes", orInput: 3) ?? Array(0..<half)
    guard axes.count == half else { throw ONNXProblem("has \(pads.count) pads for \(axes.count) axes") }
    var source = input
    for (index, given) in axes.enumerated() where pads[index] != 0 || pads[index + half] != 0 {
      let axis = try fixedAxis(given, of: shape)
      let pad = Pad(axis: axis, before: pads[index], after: pads[index + half])
      source = try append(pad, node, suffix: ".\(index)", reading: [source])
    }
    alias(node, source)
  }
}
