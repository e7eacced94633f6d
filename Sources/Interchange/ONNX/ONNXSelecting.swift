import Networks
import ONNXSchema

/// How operators that take some elements of an axis are read.
extension ONNXGraphReader {
  mutating func readSlice(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    guard let starts = try integers(node, "starts", orInput: 1), let ends = try integers(node, "ends", orInput: 2)
    else { throw ONNXProblem("has no starts and ends") }
    let axes = try integers(node, "axes", orInput: 3) ?? Array(0..<starts.count)
    let steps = try integers(node, "steps", orInput: 4) ?? Array(repeating: 1, count: starts.count)
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw ONNXProblem("has \(starts.count) starts, \(ends.count) ends, \(axes.count) axes and \(steps.count) steps")
    }
    var source = input
    for (index, given) in axes.enumerated() {
      // All of the batch, as exporters write it.
      if try input.position(given) == input.axis, starts[index] == 0, steps[index] == 1,
        ends[index] >= Int(Int32.max) || isWhole(.fixed(ends[index]), input.sizes[input.axis])
      {
        continue
      }
      let axis = try input.fixedAxis(given)
      guard let picked = steps[index].picks(from: starts[index], to: ends[index], of: input.shape[axis]),
        let first = picked.first, let last = picked.last
      else {
        throw ONNXProblem("takes no element of \(input.shape[axis]) (\(starts[index])..<\(ends[index]))")
      }
      guard picked.count < input.shape[axis] || steps[index] < 0 else { continue }
      let step: any Networks.Operation =
        steps[index] < 0
        ? Gather(axis: axis, indices: picked) : Slice(axis: axis, start: first, end: last + 1, step: steps[index])
      source.name = try append(
        step, node, suffix: index == axes.count - 1 ? "" : ".\(index)", reading: [source.name])
      source.shape = shape(source.name)
    }
    alias(node, source)
  }

  /// How many of `whole` elements each part has that a Split makes.
  func splitSizes(_ node: ONNXNodeProto, of whole: Int) throws -> [Int] {
    let count = node.output.count
    let equal = (whole + count - 1) / count
    let sizes = try integers(node, "split", orInput: 1) ?? (0..<count).map { min(equal, whole - $0 * equal) }
    guard sizes.count == count, sizes.allSatisfy({ (1...whole).contains($0) }), sizes.reduce(0, +) == whole else {
      throw ONNXProblem("splits \(whole) into \(sizes)")
    }
    return sizes
  }

  mutating func readSplit(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axis = try input.fixedAxis(node.integer("axis") ?? 0)
    var start = 0
    for (index, size) in try splitSizes(node, of: input.shape[axis]).enumerated() {
      let slice = Slice(axis: axis, start: start, end: start + size)
      var part = input
      part.name = try append(slice, node, suffix: ".\(index)", reading: [input.name])
      part.shape = shape(part.name)
      set(node.output[index], .image(part))
      start += size
    }
  }

  mutating func readGather(_ node: ONNXNodeProto) throws {
    if case .indices(let indices) = value(node, 1) { return try readGather(node, at: indices) }
    let input = try image(node)
    if let indices = try indices(of: input, node) { return try readGather(node, at: indices) }
    guard let picked = try constant(node, 1), let numbers = picked.integers else {
      throw ONNXProblem("has indices that are no whole numbers")
    }
    let position = try input.position(node.integer("axis") ?? 0)
    if picked.shape.isEmpty, [[0], [-1]].contains(numbers), let one = input.ofOneImage(position, batch: exportedBatch) {
      return alias(node, one)
    }
    let axis = try input.fixedAxis(position)
    let gather = Gather(axis: axis, indices: numbers.map { $0 < 0 ? $0 + input.shape[axis] : $0 })
    guard picked.shape.count != 1 else { return try finish(gather, node, of: input) }
    var flat = input
    flat.name = try append(gather, node, suffix: ".slice", reading: [input.name])
    flat.shape = shape(flat.name)
    // The axes of the indices take the place of the axis.
    var sizes = flat.sizes
    sizes.replaceSubrange(position...position, with: picked.shape.map(ONNXSize.fixed))
    try finish(flat.laidOut(sizes), node, from: flat)
  }

  /// The elements where a constant condition holds.
  mutating func readCompress(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    guard let axis = node.integer("axis"), let condition = try constant(node, 1)?.doubles else {
      throw ONNXProblem("takes elements of the whole batch as one list")
    }
    let picked = condition.indices.filter { condition[$0] != 0 }
    try finish(Gather(axis: input.fixedAxis(axis), indices: picked), node, of: input)
  }
}
