import ONNXSchema

/// What a graph computes about shapes that have the batch in them.
extension ONNXGraphReader {
  /// A list of sizes, or whole numbers that can be taken as one.
  private func sizes(_ value: ONNXValue) -> (list: [ONNXSize], isScalar: Bool)? {
    switch value {
    case .sizes(let list, let isScalar): (list, isScalar)
    case .constant(let constant) where constant.shape.count <= 1:
      constant.integers.map { ($0.map(ONNXSize.fixed), constant.shape.isEmpty) }
    default: nil
    }
  }

  /// Reads a node that computes sizes from sizes; false where it is none.
  mutating func foldSizes(_ node: ONNXNodeProto, _ inputs: [ONNXValue]) throws -> Bool {
    let lists = inputs.compactMap { sizes($0) }
    guard lists.count == inputs.count, let first = lists.first else { return false }
    func whole(_ index: Int) -> [Int] {
      lists.indices.contains(index) ? lists[index].list.map { $0.isFixed ? $0.factor : -1 } : []
    }
    func finish(_ list: [ONNXSize], isScalar: Bool = false) -> Bool {
      set(node.output[0], .sizes(list, isScalar: isScalar))
      return true
    }
    switch node.opType {
    case "Shape": return finish(first.isScalar ? [] : [.fixed(first.list.count)])
    case "Size": return finish([.fixed(first.list.count)], isScalar: true)
    case "Gather" where lists.count == 2:
      let count = first.list.count
      let picked = try whole(1).map { index in
        let position = index < 0 ? index + count : index
        guard (0..<count).contains(position) else { throw ONNXProblem("asks for size \(index) of \(count)") }
        return first.list[position]
      }
      return finish(picked, isScalar: lists[1].isScalar)
    case "Concat": return finish(lists.flatMap(\.list))
    case "Unsqueeze": return finish(first.list)
    case "Range" where lists.map(\.list) == [[.fixed(0)], [.batch], [.fixed(1)]]:
      setCount(of: node.output[0])
      return true
    case "Squeeze": return finish(first.list, isScalar: first.list.count == 1)
    case "Cast", "Identity": return finish(first.list, isScalar: first.isScalar)
    case "Reshape" where lists.count == 2:
      guard lists[1].list.count <= 1 else { return false }
      return finish(first.list, isScalar: lists[1].list.isEmpty)
    case "Slice":
      // Before opset 10 they were attributes.
      let (starts, ends) = (node.integers("starts") ?? whole(1), node.integers("ends") ?? whole(2))
      guard starts.count == 1, ends.count == 1, let start = starts.first, let end = ends.first,
        whole(4).first ?? 1 == 1
      else { return false }
      return finish(Array(first.list[range(start, end, first.list.count)]))
    case "Add", "Sub", "Mul", "Div", "Mod", "Equal":
      guard lists.count == 2 else { return false }
      let list = try spread(lists.map(\.list)).map { try combine(node.opType, $0[0], $0[1]) }
      return finish(list, isScalar: first.isScalar && lists[1].isScalar)
    case "Where" where lists.count == 3:
      let list = try spread(lists.map(\.list)).map { choice in
        guard choice[0].isFixed else { throw ONNXProblem("asks whether the batch is zero") }
        return choice[0].factor != 0 ? choice[1] : choice[2]
      }
      return finish(list, isScalar: lists.allSatisfy(\.isScalar))
    default: return false
    }
  }

  /// From `start` up to `end`, counted from the end if negative, as far as there are so many.
  func range(_ start: Int, _ end: Int, _ count: Int) -> Range<Int> {
    func bound(_ number: Int) -> Int { min(count, max(0, number < 0 ? number + count : number)) }
    return bound(start)..<max(bound(start), bound(end))
  }

  /// The sizes that meet in each element of the result; lists of one are spread over the others.
  private func spread(_ lists: [[ONNXSize]]) throws -> [[ONNXSize]] {
    let count = lists.map(\.count).max() ?? 0
    guard lists.allSatisfy({ $0.count == count || $0.count == 1 }) else {
      throw ONNXProblem("computes with \(lists.map(\.count)) sizes")
    }
    return (0..<count).map { index in lists.map { $0[$0.count == 1 ? 0 : index] } }
  }

  private func combine(_ type: String, _ x: ONNXSize, _ y: ONNXSize) throws -> ONNXSize {
    let (m, n) = (x.factor, y.factor)
    switch (type, x.isFixed, y.isFixed) {
    case ("Mul", true, true): return .fixed(m &* n)
    case ("Mul", true, false), ("Mul", false, true): return .batches(try product(m, n))
    case ("Div", true, true) where n != 0: return .fixed(m.dividedReportingOverflow(by: n).partialValue)
    case ("Div", false, true) where n > 0 && m % n == 0: return .batches(m / n)
    case ("Div", false, false) where n > 0 && m % n == 0: return .fixed(m / n)
    case ("Mod", true, true) where n > 0: return .fixed(m % n < 0 ? m % n + n : m % n)
    case ("Mod", false, true) where n > 0 && m % n == 0: return .fixed(0)
    case ("Add", true, true): return .fixed(m &+ n)
    case ("Sub", true, true): return .fixed(m &- n)
    case ("Add", false, true) where n == 0, ("Sub", false, true) where n == 0: return x
    case ("Add", true, false) where m == 0: return y
    case ("Equal", let a, let b) where a == b: return .fixed(m == n ? 1 : 0)
    // A batch is one or more.
    case ("Equal", false, true) where n <= 0, ("Equal", true, false) where m <= 0: return .fixed(0)
    default: throw ONNXProblem("computes with the batch")
    }
  }

  private func product(_ m: Int, _ n: Int) throws -> Int {
    guard let product = [m, n].checkedProduct, product > 0, product <= 1 << 31 else {
      throw ONNXProblem("computes a size that is too large")
    }
    return product
  }
}
