import Networks
import ONNXSchema
import Torch

/// How nodes that make no value of the network are read: constants, and what a graph computes about shapes.
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
      set(node.output[0], .sizes(Array(sizes[range(start, end, sizes.count)]), isScalar: false))
      return true
    default: break
    }
    let inputs = node.input.indices.compactMap { value(node, $0) }
    if !inputs.isEmpty, inputs.allSatisfy({ sizes($0) != nil }), try foldSizes(node, inputs) { return true }
    return try foldConstants(node, inputs)
  }

  /// From `start` up to `end`, counted from the end if negative, as far as there are so many.
  private func range(_ start: Int, _ end: Int, _ count: Int) -> Range<Int> {
    func bound(_ number: Int) -> Int { min(count, max(0, number < 0 ? number + count : number)) }
    return bound(start)..<max(bound(start), bound(end))
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
    guard lists.count > 1 || !["Gather", "Add", "Sub", "Mul", "Div"].contains(node.opType) else { return false }
    switch node.opType {
    case "ConstantOfShape":
      let fill = try node.tensor("value").map { try constantTensor($0, node.output[0]).single ?? 0 } ?? 0
      let count = whole(0).first ?? 1
      guard lists.count == 1, first.list.count <= 1, (0...64).contains(count), let fill = Int(exactly: fill) else {
        return false
      }
      set(node.output[0], .sizes(Array(repeating: .fixed(fill), count: count), isScalar: false))
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
      set(node.output[0], .sizes(Array(first.list[range(start, end, first.list.count)]), isScalar: false))
    case "Add", "Sub", "Mul", "Div":
      set(node.output[0], .sizes(try combine(node.opType, first.list, lists[1].list), isScalar: first.isScalar))
    default: return false
    }
    return true
  }

  private func combine(_ type: String, _ a: [ONNXSize], _ b: [ONNXSize]) throws -> [ONNXSize] {
    let count = max(a.count, b.count)
    guard a.count == b.count || a.count == 1 || b.count == 1, !a.isEmpty, !b.isEmpty else {
      throw ONNXProblem("computes with \(a.count) and \(b.count) sizes")
    }
    return try (0..<count).map { index in
      let (x, y) = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      if type == "Mul" || type == "Div", y == .fixed(1) { return x }
      guard case .fixed(let m) = x, case .fixed(let n) = y, type != "Div" || n > 0 else {
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
      guard rank <= ONNXTensors.largestRank else { throw ONNXProblem("makes a constant of \(rank) axes") }
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard (0...shape.count).contains(axis) else { throw ONNXProblem("adds axis \(axis) of \(rank)") }
        shape.insert(1, at: axis)
      }
    case "Reshape":
      guard let target = try integers(node, "shape", orInput: 1), target.count <= ONNXTensors.largestRank else {
        return nil
      }
      let count = shape.reduce(1, *)
      guard let known = target.filter({ $0 > 0 }).checkedProduct, known > 0, target.allSatisfy({ $0 > 0 || $0 == -1 })
      else { return nil }
      shape = target.map { $0 == -1 ? count / known : $0 }
      guard shape.checkedProduct == count else { throw ONNXProblem("gives \(count) numbers the shape \(target)") }
    case "Slice":
      return try reversedRows(constant, node)
    default: return nil
    }
    // Beyond 2⁵³ float64 does not hold every whole number.
    guard constant.integers?.allSatisfy({ $0.magnitude <= 1 << 53 }) ?? true else { return nil }
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
