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
    guard !new.shape.isEmpty else { throw ONNXProblem("leaves no axis but the batch, expected one or more") }
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

  /// A value joined with itself, as often as the node says for each axis.
  mutating func readTile(_ node: ONNXNodeProto) throws {
    var source = try image(node)
    guard let counts = try integers(node, "repeats", orInput: 1), counts.count == source.rank,
      counts.allSatisfy({ (1...1 << 10).contains($0) })
    else { throw ONNXProblem("has no count of 1 to 1024 for each of \(source.rank) axes") }
    for (position, count) in counts.enumerated() where count > 1 {
      let join = Concatenate(axis: try source.fixedAxis(position))
      source.name = try append(
        join, node, suffix: ".\(position)", reading: Array(repeating: source.name, count: count))
      source.shape = shape(source.name)
    }
    alias(node, source)
  }

  /// Whether a size is all of another one, which may be a batch that was fixed when the file was made.
  func isWhole(_ size: ONNXSize, _ other: ONNXSize) -> Bool {
    if size == other { return true }
    guard let exportedBatch, size.isFixed, !other.isFixed else { return false }
    return [other.factor, exportedBatch].checkedProduct == size.factor
  }
}
