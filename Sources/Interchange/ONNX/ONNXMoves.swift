import Networks
import ONNXSchema
import Torch

/// How operators that move elements about are read.
extension ONNXGraphReader {
  /// The operation between two shapes of as many elements; flattening keeps track of the channels.
  func reshape(to shape: [Int], from old: [Int]) -> any Networks.Operation {
    shape.count == 1 && old.count == 3 ? Flatten() : Reshape(shape)
  }

  /// Appends what lays a value out anew; nil is a shape that would mix images.
  mutating func finish(_ new: ONNXImage?, _ node: ONNXNodeProto, from old: ONNXImage) throws {
    guard let new else { throw ONNXProblem("lays out values of shape \(old.shape) in a way that mixes images") }
    guard new.shape != old.shape else { return alias(node, new) }
    try finish(reshape(to: new.shape, from: old.shape), node, reading: [old.name], like: new)
  }

  mutating func readReshape(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let result = try laidOut(input, node)
    if let result, try finishGroupNorm(node, from: input, as: result) { return }
    try finish(result, node, from: input)
  }

  private func laidOut(_ input: ONNXImage, _ node: ONNXNodeProto) throws -> ONNXImage? {
    var sizes = input.sizes
    switch node.opType {
    case "Flatten":
      let axis = try input.position(node.integer("axis") ?? 1)
      let parts = [sizes[..<axis], sizes[axis...]].map { part -> ONNXSize in
        let product = part.map(\.factor).reduce(1, *)
        return part.allSatisfy(\.isFixed) ? .fixed(product) : .batches(product)
      }
      return input.laidOut(parts)
    case "Squeeze":
      let given = try integers(node, "axes", orInput: 1)?.map { try input.position($0) }
      let axes = given ?? sizes.indices.filter { sizes[$0] == .fixed(1) }
      if axes.count == 1, let one = input.ofOneImage(axes[0], batch: exportedBatch) { return one }
      guard axes.allSatisfy({ sizes[$0] == .fixed(1) }) else {
        throw ONNXProblem("takes away axes of shape \(input.shape) that are not 1")
      }
      return input.without(axes)
    case "Unsqueeze":
      guard let axes = try integers(node, "axes", orInput: 1) else { throw ONNXProblem("names no axes") }
      let rank = sizes.count + axes.count
      guard rank <= ONNXTensors.largestRank else { throw ONNXProblem("makes a value of \(rank) axes") }
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard (0...sizes.count).contains(axis) else { throw ONNXProblem("adds axis \(axis) of \(rank)") }
        sizes.insert(.fixed(1), at: axis)
      }
      return input.laidOut(sizes)
    default:
      // 0 takes the size that the value had there.
      let copies = node.integer("allowzero") != 1
      let target = try target(node).enumerated().map { index, size in
        size == .fixed(0) && copies && sizes.indices.contains(index) ? sizes[index] : size
      }
      return input.laidOut(naming: target, batch: exportedBatch)
    }
  }

  /// The shape that a node names as its second input, before opset 5 as an attribute.
  private func target(_ node: ONNXNodeProto) throws -> [ONNXSize] {
    if opset < 5, let own = node.integers("shape") { return own.map(ONNXSize.fixed) }
    switch value(node, 1) {
    case .sizes(let list, _): return list
    case .constant(let constant):
      guard let numbers = constant.integers else { throw ONNXProblem("has a shape that is no list of whole numbers") }
      return numbers.map(ONNXSize.fixed)
    default: throw ONNXProblem("computes its shape")
    }
  }

  mutating func readTranspose(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    if node.input[0] == channelsLastInput, node.integers("perm") == [0, 3, 1, 2] {
      return alias(node, ONNXImage(name: Network.inputName, shape: shape(Network.inputName)))
    }
    let (result, permutation) = try input.permuted(
      node.integers("perm") ?? Array((0..<input.rank).reversed()))
    guard permutation != Array(input.shape.indices) else { return alias(node, result) }
    try finish(Transpose(permutation), node, reading: [input.name], like: result)
  }

  mutating func readConcatenation(_ node: ONNXNodeProto) throws {
    let inputs = try imagesAlike(node)
    guard let first = inputs.first else { throw ONNXProblem("joins nothing") }
    guard inputs.count > 1 else { return alias(node, first) }
    guard inputs.allSatisfy({ $0.rank == first.rank && $0.batchLies(as: first) }) else {
      throw ONNXProblem("joins values whose batches lie at different places")
    }
    let axis = try first.fixedAxis(joinedAxis(node))
    try finish(Concatenate(axis: axis), node, reading: inputs.map(\.name), like: first)
  }

  /// A value spread along axes of one element; of a constant, over the batch as well.
  mutating func readExpand(_ node: ONNXNodeProto) throws {
    let target = try target(node)
    if case .constant(let constant) = value(node, 0) {
      guard let place = target.firstIndex(where: { !$0.isFixed }), target.filter({ !$0.isFixed }).count == 1,
        target.allSatisfy({ $0.factor > 0 }), target.count <= ONNXTensors.largestRank
      else { throw ONNXProblem("spreads a constant to an unknown shape") }
      var image = ONNXImage(name: "", shape: target.map(\.factor), axis: place, after: target[place].factor)
      if image.standsAlone { image.shape.remove(at: place) }
      let spread = try constant.expanded(to: target.map { $0.isFixed ? $0.factor : 1 })
      guard let spread, spread.shape.count == target.count, spread.shape[place] == 1 else {
        throw ONNXProblem("spreads a constant of shape \(constant.shape) along the batch")
      }
      image.name = try store(spread, toMeet: image, node)
      image.shape = shape(image.name)
      guard image.standsAlone else { throw ONNXProblem("spreads a constant over more than the batch") }
      return alias(node, image)
    }
    let input = try image(node)
    let missing = input.rank - target.count
    guard missing >= 0 else { throw ONNXProblem("adds axes") }
    var source = input
    for (index, size) in target.enumerated() where size != .fixed(1) && !isWhole(size, input.sizes[index + missing]) {
      guard case .fixed(let count) = size, input.sizes[index + missing] == .fixed(1), (1...1 << 16).contains(count)
      else { throw ONNXProblem("spreads shape \(input.shape) along the batch or an axis of several elements") }
      let gather = Gather(axis: try input.fixedAxis(index + missing), indices: Array(repeating: 0, count: count))
      source.name = try append(gather, node, suffix: ".\(index)", reading: [source.name])
    }
    source.shape = shape(source.name)
    alias(node, source)
  }

  /// Whether a size is all of another one, which may be a batch that was fixed when the file was made.
  private func isWhole(_ size: ONNXSize, _ other: ONNXSize) -> Bool {
    if size == other { return true }
    guard let exportedBatch, size.isFixed, !other.isFixed else { return false }
    return [other.factor, exportedBatch].checkedProduct == size.factor
  }

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
      let size = input.shape[axis]
      func bound(_ number: Int) -> Int { min(size, max(0, number < 0 ? number + size : number)) }
      let slice = Slice(axis: axis, start: bound(starts[index]), end: bound(ends[index]), step: steps[index])
      guard slice.start != 0 || slice.end != size || slice.step != 1 else { continue }
      source.name = try append(
        slice, node, suffix: index == axes.count - 1 ? "" : ".\(index)", reading: [source.name])
      source.shape = shape(source.name)
    }
    alias(node, source)
  }

  mutating func readSplit(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let axis = try input.fixedAxis(node.integer("axis") ?? 0)
    let (count, whole) = (node.output.count, input.shape[axis])
    let equal = (whole + count - 1) / count
    let sizes = try integers(node, "split", orInput: 1) ?? (0..<count).map { min(equal, whole - $0 * equal) }
    guard sizes.count == count, sizes.allSatisfy({ (1...whole).contains($0) }), sizes.reduce(0, +) == whole else {
      throw ONNXProblem("splits \(whole) into \(sizes)")
    }
    var start = 0
    for (index, size) in sizes.enumerated() {
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
    guard let picked = try constant(node, 1), let numbers = picked.integers, picked.shape.count <= 1 else {
      throw ONNXProblem("has indices that are no list of numbers")
    }
    let position = try input.position(node.integer("axis") ?? 0)
    if picked.shape.isEmpty, [[0], [-1]].contains(numbers),
      let one = input.ofOneImage(position, batch: exportedBatch)
    {
      return alias(node, one)
    }
    let axis = try input.fixedAxis(position)
    let gather = Gather(axis: axis, indices: numbers.map { $0 < 0 ? $0 + input.shape[axis] : $0 })
    guard picked.shape.isEmpty else { return try finish(gather, node, of: input) }
    var one = input
    one.name = try append(gather, node, suffix: ".slice", reading: [input.name])
    one.shape = shape(one.name)
    try finish(one.without([position]), node, from: one)
  }

  mutating func readPad(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let mode = node.word("mode") ?? "constant"
    guard mode == "constant" else { throw ONNXProblem("pads in the mode \(mode), expected a constant") }
    let given = try single(node, "value", orInput: 2) ?? 0
    guard !given.isNaN else { throw ONNXProblem("pads with NaN") }
    // Files hold no infinite numbers, and no float32 is larger.
    let largest = Double.greatestFiniteMagnitude
    let number = min(largest, max(-largest, given))
    // Opset 1 had another word for them.
    guard let pads = try node.integers("paddings") ?? integers(node, "pads", orInput: 1), pads.count % 2 == 0 else {
      throw ONNXProblem("has no pads")
    }
    let half = pads.count / 2
    let axes = try integers(node, "axes", orInput: 3) ?? Array(0..<half)
    guard axes.count == half else { throw ONNXProblem("has \(pads.count) pads for \(axes.count) axes") }
    var source = input
    for (index, given) in axes.enumerated() where pads[index] != 0 || pads[index + half] != 0 {
      let pad = Pad(axis: try input.fixedAxis(given), before: pads[index], after: pads[index + half], value: number)
      source.name = try append(pad, node, suffix: ".\(index)", reading: [source.name])
      source.shape = shape(source.name)
    }
    alias(node, source)
  }
}
