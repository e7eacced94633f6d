import Networks
import ONNXSchema
import Torch

/// How operators that move elements about, or compute shapes, are read.
extension ONNXGraphReader {
  /// Reads a node that makes no value of the network: constants, and sizes computed from shapes.
  ///
  /// - Returns: false where the node is none of these.
  mutating func foldShapes(_ node: ONNXNodeProto) throws -> Bool {
    switch node.opType {
    case "Constant":
      set(node.output[0], .constant(try readConstant(node)))
      return true
    case "Shape":
      guard case .image(_, let shape) = value(node, 0) else { return false }
      let sizes = [.batch] + shape.map(ONNXSize.fixed)
      let start = node.integer("start") ?? 0
      let end = node.integer("end") ?? sizes.count
      let range = (start < 0 ? start + sizes.count : start)..<min(sizes.count, end < 0 ? end + sizes.count : end)
      guard range.lowerBound >= 0 else { throw ONNXProblem("asks for sizes that are not there") }
      set(node.output[0], .sizes(Array(sizes[range]), isScalar: false))
      return true
    default: break
    }
    let inputs = node.input.indices.compactMap { value(node, $0) }
    if !inputs.isEmpty, inputs.allSatisfy({ sizes($0) != nil }), try foldSizes(node, inputs) { return true }
    return try foldConstants(node, inputs)
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
    throw ONNXProblem("holds a constant of an unknown kind")
  }

  /// A list of sizes, or whole numbers that can be taken as one.
  private func sizes(_ value: ONNXValue) -> (list: [ONNXSize], isScalar: Bool)? {
    switch value {
    case .sizes(let list, let isScalar): (list, isScalar)
    case .constant(let constant) where constant.shape.count <= 1:
      constant.integers.map { ($0.map(ONNXSize.fixed), constant.shape.isEmpty) }
    default: nil
    }
  }

  private mutating func foldSizes(_ node: ONNXNodeProto, _ inputs: [ONNXValue]) throws -> Bool {
    let lists = inputs.compactMap { sizes($0) }
    let first = lists[0]
    func whole(_ index: Int) -> [Int] {
      lists.indices.contains(index) ? lists[index].list.map { if case .fixed(let n) = $0 { n } else { -1 } } : []
    }
    switch node.opType {
    case "ConstantOfShape":
      let fill = try node.tensor("value").map { try constantTensor($0, node.output[0]).single ?? 0 } ?? 0
      let count = whole(0).reduce(1, *)
      guard lists.count == 1, first.list.count <= 1, (0...64).contains(count), fill == fill.rounded() else {
        return false
      }
      set(node.output[0], .sizes(Array(repeating: .fixed(Int(fill)), count: count), isScalar: false))
    case "Gather":
      let count = first.list.count
      let picked = try whole(1).map { index in
        let position = index < 0 ? index + count : index
        guard (0..<count).contains(position) else { throw ONNXProblem("asks for size \(index) of \(count)") }
        return first.list[position]
      }
      set(node.output[0], .sizes(picked, isScalar: lists[1].isScalar))
    case "Concat": set(node.output[0], .sizes(lists.flatMap(\.list), isScalar: false))
    case "Unsqueeze": set(node.output[0], .sizes(first.list, isScalar: false))
    case "Squeeze": set(node.output[0], .sizes(first.list, isScalar: first.list.count == 1))
    case "Cast", "Identity": set(node.output[0], .sizes(first.list, isScalar: first.isScalar))
    case "Slice":
      let (starts, ends) = (whole(1), whole(2))
      guard let start = starts.first, let end = ends.first, whole(4).first ?? 1 == 1, lists.count > 2 else {
        return false
      }
      let count = first.list.count
      let range = max(0, start < 0 ? start + count : start)..<min(count, end < 0 ? end + count : end)
      set(node.output[0], .sizes(Array(first.list[range]), isScalar: false))
    case "Add", "Sub", "Mul", "Div":
      set(node.output[0], .sizes(try combine(node.opType, first.list, lists[1].list), isScalar: first.isScalar))
    default: return false
    }
    return true
  }

  private func combine(_ type: String, _ a: [ONNXSize], _ b: [ONNXSize]) throws -> [ONNXSize] {
    let count = max(a.count, b.count)
    return try (0..<count).map { index in
      let (x, y) = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      if type == "Mul" || type == "Div", y == .fixed(1) { return x }
      guard case .fixed(let m) = x, case .fixed(let n) = y, type != "Div" || n != 0 else {
        throw ONNXProblem("computes with the batch")
      }
      switch type {
      case "Add": return .fixed(m &+ n)
      case "Sub": return .fixed(m &- n)
      case "Mul": return .fixed(m &* n)
      default: return .fixed(m / n)
      }
    }
  }

  /// Constants that are only laid out anew.
  private mutating func foldConstants(_ node: ONNXNodeProto, _ inputs: [ONNXValue]) throws -> Bool {
    guard let constant = asConstant(inputs.first), let folded = try laidOut(constant, node) else { return false }
    set(node.output[0], .constant(folded))
    return true
  }

  /// A constant, or sizes that are all known, as a constant.
  private func asConstant(_ value: ONNXValue?) -> ONNXConstant? {
    switch value {
    case .constant(let constant): return constant
    case .sizes(let list, let isScalar):
      let numbers = list.compactMap { size -> Int? in if case .fixed(let number) = size { number } else { nil } }
      guard numbers.count == list.count else { return nil }
      return ONNXConstant(
        name: "", shape: isScalar ? [] : [numbers.count], numbers: .whole(numbers), isParameter: false)
    default: return nil
    }
  }

  private func laidOut(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant? {
    var (shape, order) = (constant.shape, [Int]?.none)
    switch node.opType {
    case "Identity", "Cast": break
    case "Transpose":
      let axes = node.integers("perm") ?? Array(shape.indices.reversed())
      guard axes.sorted() == Array(shape.indices) else { return nil }
      order = axes
    case "Unsqueeze":
      guard let axes = try integers(node, "axes", orInput: 1) else { return nil }
      let rank = shape.count + axes.count
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard (0...shape.count).contains(axis) else { throw ONNXProblem("adds axis \(axis) of \(rank)") }
        shape.insert(1, at: axis)
      }
    case "Reshape":
      guard let target = try integers(node, "shape", orInput: 1) else { return nil }
      let count = shape.reduce(1, *)
      let known = target.filter { $0 > 0 }.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      guard known > 0, target.allSatisfy({ $0 > 0 || $0 == -1 }) else { return nil }
      shape = target.map { $0 == -1 ? count / known : $0 }
      guard shape.reduce(1, *) == count else { throw ONNXProblem("gives \(count) numbers the shape \(target)") }
    case "Slice":
      return try reversedRows(constant, node)
    default: return nil
    }
    return constant.inShape(shape, order: order)
  }

  /// Rows backwards, as the exporter turns pads round; other slices of constants are not needed.
  private func reversedRows(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant? {
    guard try integers(node, "steps", orInput: 4) == [-1], try integers(node, "axes", orInput: 3) == [0],
      let start = try integers(node, "starts", orInput: 1)?.first, start == -1, let rows = constant.shape.first,
      let end = try integers(node, "ends", orInput: 2)?.first, end < -rows
    else { return nil }
    return constant.selecting(Array((0..<rows).reversed()))
  }
}

extension ONNXConstant {
  /// The same numbers with their axes in another order, then in another shape of as many.
  fileprivate func inShape(_ shape: [Int], order: [Int]?) -> ONNXConstant {
    var result = self
    let target = order.map { axes in axes.map { self.shape[$0] } } ?? shape
    result.shape = target
    result.move { tensor in
      (order.map { tensor.reshaped(self.shape).permuted($0).contiguous } ?? tensor).reshaped(target)
    }
    return result
  }

  fileprivate func selecting(_ rows: [Int]) -> ONNXConstant {
    var result = self
    result.move { $0.reshaped(self.shape).selecting(rows, axis: 0) }
    return result
  }

  /// Moves the elements; whole numbers go through float64, which holds those of shapes exactly.
  private mutating func move(_ change: (Tensor) -> Tensor) {
    switch numbers {
    case .real(let tensor): numbers = .real(change(tensor))
    case .whole(let values):
      numbers = .whole(change(Tensor(values.map(Double.init), shape: [values.count])).doubles.map { Int($0) })
    }
  }
}

// MARK: Values in another shape

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
    let known = sizes.filter { $0 >= 0 }.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard known > 0, sizes.filter({ $0 < 0 }).count <= 1 else { throw ONNXProblem("has the shape \(sizes)") }
    let shape = sizes.map { $0 < 0 ? count / known : $0 }
    let isBatch =
      switch first {
      case .batch, .fixed(0), .fixed(-1): true
      case .fixed(let number): number == exportedBatchSize
      }
    guard isBatch, shape.reduce(1, *) == count else {
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
    guard sizes.count == count, sizes.reduce(0, +) == shape[axis], sizes.allSatisfy({ $0 > 0 }) else {
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
