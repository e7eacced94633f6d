import Networks
import ONNXSchema
import Torch

/// How nodes that make no value of the network are read: constants, and what a graph computes about shapes.
extension ONNXGraphReader {
  /// Reads a node that makes no value of the network: constants, what is computed from them, and sizes.
  ///
  /// - Returns: false where the node is none of these.
  mutating func foldShapes(_ node: ONNXNodeProto) throws -> Bool {
    if node.opType == "Constant" {
      set(node.output[0], .constant(try readConstant(node)))
      return true
    }
    let inputs = node.input.indices.map { value(node, $0) }
    if node.opType == "Shape", case .image(let image) = inputs.first {
      set(node.output[0], .sizes(part(of: image.sizes, node), isScalar: false))
      return true
    }
    if node.opType == "Size", case .image(let image) = inputs.first {
      set(node.output[0], .sizes([.batches(image.shape.reduce(1, *))], isScalar: true))
      return true
    }
    let given = inputs.compactMap(\.self)
    guard !given.isEmpty else { return false }
    if node.opType == "Split", case .constant(let whole) = given[0] {
      try split(whole, node)
      return true
    }
    let constants = inputs.map { $0.flatMap(asConstant) }
    guard constants.compactMap(\.self).count == given.count else {
      return try foldIndices(node, given) || foldSizes(node, given)
    }
    if node.opType == "Shape", let shape = constants.first??.shape {
      set(node.output[0], .sizes(part(of: shape.map(ONNXSize.fixed), node), isScalar: false))
      return true
    }
    guard let folded = try folded(node, constants) else { return false }
    try set(node.output[0], computed: folded)
    return true
  }

  private func part(of sizes: [ONNXSize], _ node: ONNXNodeProto) -> [ONNXSize] {
    Array(sizes[range(node.integer("start") ?? 0, node.integer("end") ?? sizes.count, sizes.count)])
  }

  private func readConstant(_ node: ONNXNodeProto) throws -> ONNXConstant {
    let name = node.output[0]
    if let proto = node.tensor("value") { return try constantTensor(proto, name) }
    func whole(_ values: [Int], _ shape: [Int]) -> ONNXConstant {
      ONNXConstant(name: name, shape: shape, numbers: .whole(values), isParameter: false)
    }
    if let value = node.integer("value_int") { return whole([value], []) }
    if let values = node.integers("value_ints") { return whole(values, [values.count]) }
    if let value = node.number("value_float") {
      return ONNXConstant(
        name: name, shape: [], numbers: .real(Tensor([value], shape: []).to(.float32)), isParameter: false)
    }
    if let values = node.numbers("value_floats") {
      return ONNXConstant(name: name, shape: [values.count], values: values, isWhole: false, isParameter: false)
    }
    throw ONNXProblem("holds a constant of an unknown kind")
  }

  /// A constant, or sizes that are all known, as a constant.
  func asConstant(_ value: ONNXValue) -> ONNXConstant? {
    switch value {
    case .constant(let constant): return constant
    case .sizes(let list, let isScalar) where list.allSatisfy(\.isFixed):
      return ONNXConstant(
        name: "", shape: isScalar ? [] : [list.count], numbers: .whole(list.map(\.factor)), isParameter: false)
    default: return nil
    }
  }

  /// What a node makes of constants alone; nil where it is none that can be computed here.
  private func folded(_ node: ONNXNodeProto, _ inputs: [ONNXConstant?]) throws -> ONNXConstant? {
    if let filled = try filled(node, inputs) { return filled }
    let given = inputs.compactMap(\.self)
    // Only lists may be empty, and all that is done with them is to join them.
    guard node.opType == "Concat" || given.allSatisfy({ $0.count > 0 }), let first = inputs.first ?? nil else {
      return nil
    }
    switch node.opType {
    case "Identity": return first
    case "QuantizeLinear": return try quantized(first, node)
    case "DequantizeLinear": return try dequantized(first, node)
    case "Cast": return first.cast(to: node.castType)
    case "CastLike": return given.count == 2 ? first.cast(to: given[1].isWhole ? .int64 : .float) : nil
    case "Size":
      return ONNXConstant(name: node.output[0], shape: [], numbers: .whole([first.count]), isParameter: false)
    case "Trilu":
      let diagonal = try integers(node, "k", orInput: 1)?.first ?? 0
      return first.triangle(isUpper: node.integer("upper") != 0, diagonal: diagonal)?.named(node.output[0])
    case "Transpose":
      let order = node.integers("perm") ?? Array(first.shape.indices.reversed())
      guard order.sorted() == Array(first.shape.indices) else { throw ONNXProblem("orders axes as \(order)") }
      return first.moved(to: order.map { first.shape[$0] }) { $0.permuted(order) }
    case "Unsqueeze", "Squeeze", "Reshape", "Flatten": return try reshaped(first, node)
    case "Expand":
      guard let target = try integers(node, "shape", orInput: 1) else { return nil }
      return try first.expanded(to: target)?.named(node.output[0])
    case "Concat": return try ONNXConstant.joined(given, axis: joinedAxis(node))?.named(node.output[0])
    case "Gather":
      guard let indices = inputs.last ?? nil, inputs.count == 2 else { return nil }
      return try first.gathered(indices, axis: node.integer("axis") ?? 0).named(node.output[0])
    case "Slice": return try sliced(first, node)?.named(node.output[0])
    case "GatherND":
      // Of rows, as lists of one index name them.
      guard given.count == 2, given[1].shape.last == 1, node.integer("batch_dims") ?? 0 == 0 else { return nil }
      let rows = Array(given[1].shape.dropLast())
      return try first.gathered(given[1].moved(to: rows) { $0 }, axis: 0).named(node.output[0])
    case "MatMul": return try given.count == 2 ? first.multiplied(by: given[1])?.named(node.output[0]) : nil
    case "ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd", "ReduceMean":
      let axes = try integers(node, "axes", orInput: 1)
      if axes?.isEmpty == true, node.integer("noop_with_empty_axes") == 1 { return first }
      return try first.reduced(
        node.opType, axes: axes?.isEmpty == true ? nil : axes, keepsAxes: node.integer("keepdims") != 0)?
        .named(node.output[0])
    case "Clip":
      let low = try single(node, "min", orInput: 1) ?? -.infinity
      let high = try single(node, "max", orInput: 2) ?? .infinity
      return first.mapped { min(high, max(low, $0)) }.named(node.output[0])
    case "ScatterND":
      guard given.count == 3, node.word("reduction") ?? "none" == "none" else { return nil }
      return try first.scattered(given[1], given[2]).named(node.output[0])
    default: return try ONNXConstant.computed(node, met(given, node))?.named(node.output[0])
    }
  }

  /// Constants made from sizes: filled, or counted up.
  private func filled(_ node: ONNXNodeProto, _ inputs: [ONNXConstant?]) throws -> ONNXConstant? {
    func numbers(_ values: [Double], _ shape: [Int], isWhole: Bool) -> ONNXConstant {
      ONNXConstant(name: node.output[0], shape: shape, values: values, isWhole: isWhole, isParameter: false)
    }
    switch node.opType {
    case "ConstantOfShape":
      guard let shape = (inputs.first ?? nil)?.integers else { return nil }
      let fill = try node.tensor("value").map { try constantTensor($0, node.output[0]) }
      let count = try ONNXConstant.checkedCount(shape)
      guard count > 0 || shape == [0], let value = fill.map(\.single) ?? 0 else { return nil }
      return numbers(Array(repeating: value, count: count), shape, isWhole: fill?.isWhole ?? false)
    case "Range":
      let ends = inputs.compactMap { $0?.single }
      guard ends.count == 3, ends[2] != 0, case let count = ((ends[1] - ends[0]) / ends[2]).rounded(.up),
        count > 0, count <= Double(ONNXConstant.largestCount)
      else { return nil }
      let isWhole = inputs.allSatisfy { $0?.isWhole ?? false }
      return numbers((0..<Int(count)).map { ends[0] + Double($0) * ends[2] }, [Int(count)], isWhole: isWhole)
    default: return nil
    }
  }

  private mutating func split(_ whole: ONNXConstant, _ node: ONNXNodeProto) throws {
    let axis = node.integer("axis") ?? 0
    let place = axis < 0 ? axis + whole.shape.count : axis
    guard whole.shape.indices.contains(place) else { throw ONNXProblem("splits axis \(axis) of \(whole.shape)") }
    var start = 0
    for (output, size) in zip(node.output, try splitSizes(node, of: whole.shape[place])) {
      let part = whole.selecting(Array(start..<start + size), axis: place)
      try set(output, computed: part.named(output))
      start += size
    }
  }

  private func reshaped(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant? {
    var shape = constant.shape
    switch node.opType {
    case "Unsqueeze":
      guard let axes = try integers(node, "axes", orInput: 1) else { return nil }
      let rank = shape.count + axes.count
      guard rank <= ONNXTensors.largestRank else { throw ONNXProblem("makes a constant of \(rank) axes") }
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard (0...shape.count).contains(axis) else { throw ONNXProblem("adds axis \(axis) of \(rank)") }
        shape.insert(1, at: axis)
      }
    case "Squeeze":
      let rank = shape.count
      let axes = try integers(node, "axes", orInput: 1)?.map { $0 < 0 ? $0 + rank : $0 }
      shape = shape.indices.filter { !(axes?.contains($0) ?? (shape[$0] == 1)) }.map { shape[$0] }
    case "Flatten":
      let given = node.integer("axis") ?? 1
      let axis = given < 0 ? given + shape.count : given
      guard (0...shape.count).contains(axis) else { throw ONNXProblem("names axis \(given) of \(shape.count) axes") }
      shape = [shape[..<axis].reduce(1, *), shape[axis...].reduce(1, *)]
    default:
      guard let target = try integers(node, "shape", orInput: 1), target.count <= ONNXTensors.largestRank else {
        return nil
      }
      let copies = node.integer("allowzero") != 1
      let named = target.indices.map { target[$0] == 0 && copies && $0 < shape.count ? shape[$0] : target[$0] }
      guard let known = named.filter({ $0 > 0 }).checkedProduct, named.allSatisfy({ $0 > 0 || $0 == -1 }) else {
        return nil
      }
      shape = named.map { $0 == -1 ? constant.count / known : $0 }
    }
    guard shape.checkedProduct == constant.count else {
      throw ONNXProblem("gives \(constant.count) numbers the shape \(shape)")
    }
    return constant.moved(to: shape) { $0 }
  }

  private func sliced(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant? {
    guard let starts = try integers(node, "starts", orInput: 1), let ends = try integers(node, "ends", orInput: 2)
    else { return nil }
    let axes = try integers(node, "axes", orInput: 3) ?? Array(starts.indices)
    let steps = try integers(node, "steps", orInput: 4) ?? Array(repeating: 1, count: starts.count)
    guard Set([starts.count, ends.count, axes.count, steps.count]).count == 1 else {
      throw ONNXProblem("has \(starts.count) starts, \(ends.count) ends, \(axes.count) axes and \(steps.count) steps")
    }
    var result = constant
    for (index, axis) in axes.enumerated() {
      let axis = axis < 0 && axis >= -result.shape.count ? axis + result.shape.count : axis
      guard result.shape.indices.contains(axis) else { throw ONNXProblem("slices axis \(axis) of \(result.shape)") }
      guard let picked = steps[index].picks(from: starts[index], to: ends[index], of: result.shape[axis]) else {
        throw ONNXProblem("has the step \(steps[index])")
      }
      guard !picked.isEmpty || result.shape.count == 1 else { return nil }
      result = result.selecting(picked, axis: axis)
    }
    return result
  }
}

extension Int {
  /// The indices that a slice of this step takes; nil where it is no step.
  func picks(from start: Int, to end: Int, of count: Int) -> [Int]? {
    guard self != 0, magnitude <= 1 << 31 else { return nil }
    let (least, most) = self > 0 ? (0, count) : (-1, count - 1)
    func bound(_ number: Int) -> Int { Swift.min(most, Swift.max(least, number < 0 ? number + count : number)) }
    return Array(stride(from: Swift.max(bound(start), 0), to: bound(end), by: self))
  }
}
