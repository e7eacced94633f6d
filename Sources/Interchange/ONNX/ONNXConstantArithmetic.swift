import Foundation
import ONNXSchema
import Torch

/// What can be computed with constants while a graph is read; results of more than `largestCount` elements are refused.
extension ONNXConstant {
  static let largestCount = 1 << 23

  /// - Throws: `ONNXProblem` when that many are too many.
  static func checkedCount(_ shape: [Int]) throws -> Int {
    guard shape.count <= ONNXTensors.largestRank, shape.allSatisfy({ $0 >= 0 }), let count = shape.checkedProduct,
      count <= largestCount
    else { throw ONNXProblem("makes a constant of shape \(shape), which is too large") }
    return count
  }

  init(name: String, shape: [Int], values: [Double], isWhole: Bool, isParameter: Bool) {
    (self.name, self.shape, self.isParameter) = (name, shape, isParameter)
    // Beyond 2⁵³ float64 does not hold every whole number; there only bounds of slices lie.
    numbers =
      isWhole
      ? .whole(values.map { Int(exactly: $0.rounded(.towardZero)) ?? ($0 > 0 ? .max : .min) })
      : .real(Tensor(values, shape: shape).to(.float32))
  }

  var count: Int { shape.reduce(1, *) }

  /// Under another name, as its elements are others.
  func named(_ name: String) -> ONNXConstant {
    var result = self
    result.name = name
    return result
  }

  /// As another kind of number, by ONNX's number of the type.
  func cast(to type: Int) -> ONNXConstant {
    let kind = Int32(exactly: type).flatMap(ONNXType.init)
    let isReal = kind.map { [.float, .double, .float16, .bfloat16].contains($0) } ?? true
    guard isReal == isWhole || kind == .bool else { return self }
    let values = kind == .bool ? doubles.map { $0 == 0 ? 0 : 1 } : doubles
    return ONNXConstant(name: name, shape: shape, values: values, isWhole: !isReal, isParameter: isParameter)
  }
}

// MARK: Moving elements

extension ONNXConstant {
  /// The elements of `change`, which gets them in their shape, in another shape.
  func moved(to shape: [Int], _ change: (Tensor) -> Tensor) -> ONNXConstant {
    var result = self
    result.shape = shape
    switch numbers {
    case .real(let tensor): result.numbers = .real(change(tensor.reshaped(self.shape)).contiguous.reshaped(shape))
    case .whole(let values):
      let moved = change(Tensor(values.map(Int64.init), shape: self.shape)).contiguous.values(as: Int64.self)
      result.numbers = .whole(moved.map { Int($0) })
    }
    return result
  }

  func selecting(_ indices: [Int], axis: Int) -> ONNXConstant {
    var target = shape
    target[axis] = indices.count
    guard !indices.isEmpty else {
      return ONNXConstant(name: name, shape: target, values: [], isWhole: isWhole, isParameter: isParameter)
    }
    return moved(to: target) { $0.selecting(indices, axis: axis) }
  }

  /// Spread to the shape that comes of meeting `target`; nil where they do not fit.
  func expanded(to target: [Int]) throws -> ONNXConstant? {
    guard let shape = Self.spread([shape, target]) else { return nil }
    _ = try Self.checkedCount(shape)
    let filled = Array(repeating: 1, count: shape.count - self.shape.count) + self.shape
    return moved(to: shape) { $0.reshaped(filled).expanded(shape) }
  }

  /// - Throws: `ONNXProblem` when an index leads out of the axis.
  func gathered(_ indices: ONNXConstant, axis: Int) throws -> ONNXConstant {
    let axis = axis < 0 && axis >= -shape.count ? axis + shape.count : axis
    guard shape.indices.contains(axis), let numbers = indices.integers else {
      throw ONNXProblem("gathers along axis \(axis) of shape \(shape)")
    }
    let picked = numbers.map { $0 < 0 ? $0 + shape[axis] : $0 }
    guard picked.allSatisfy((0..<shape[axis]).contains) else {
      throw ONNXProblem("asks for elements \(numbers.prefix(8)) of \(shape[axis])")
    }
    let target = shape[..<axis] + indices.shape + shape[(axis + 1)...]
    _ = try Self.checkedCount(Array(target))
    return moved(to: Array(target)) { $0.selecting(picked, axis: axis) }
  }

  static func joined(_ parts: [ONNXConstant], axis: Int) throws -> ONNXConstant? {
    guard let first = parts.first else { return nil }
    let axis = axis < 0 && axis >= -first.shape.count ? axis + first.shape.count : axis
    guard first.shape.indices.contains(axis) else { throw ONNXProblem("joins axis \(axis) of shape \(first.shape)") }
    var shape = first.shape
    shape[axis] = 0
    for part in parts {
      var rest = part.shape
      guard rest.indices.contains(axis) else { throw ONNXProblem("joins axis \(axis) of shape \(rest)") }
      rest[axis] = 0
      shape[axis] &+= part.shape[axis]
      guard rest == first.shape.enumerated().map({ $0.offset == axis ? 0 : $0.element }) else {
        throw ONNXProblem("joins shapes \(parts.map(\.shape))")
      }
    }
    _ = try checkedCount(shape)
    let full = parts.filter { $0.count > 0 }
    guard let one = full.first else { return first }
    let isWhole = parts.allSatisfy(\.isWhole)
    let tensors = full.map { Tensor($0.doubles, shape: $0.shape) }
    return ONNXConstant(
      name: one.name, shape: shape, values: Tensor.concatenated(tensors, axis: axis).doubles, isWhole: isWhole,
      isParameter: parts.contains(where: \.isParameter))
  }

  /// `updates` put where `indices` say: each row of them names the first axes of a place.
  func scattered(_ indices: ONNXConstant, _ updates: ONNXConstant) throws -> ONNXConstant {
    guard let depth = indices.shape.last, (1...shape.count).contains(depth), let numbers = indices.integers,
      case let width = shape[depth...].reduce(1, *), updates.count == indices.count / depth * width
    else { throw ONNXProblem("puts shape \(updates.shape) at \(indices.shape) of shape \(shape)") }
    var (values, new) = (doubles, updates.doubles)
    for row in 0..<indices.count / depth {
      var place = 0
      for axis in 0..<depth {
        let index = numbers[row * depth + axis]
        let positive = index < 0 ? index + shape[axis] : index
        guard (0..<shape[axis]).contains(positive) else { throw ONNXProblem("puts elements outside of \(shape)") }
        place = place * shape[axis] + positive
      }
      values.replaceSubrange(place * width..<(place + 1) * width, with: new[row * width..<(row + 1) * width])
    }
    return ONNXConstant(name: name, shape: shape, values: values, isWhole: isWhole, isParameter: false)
  }
}

// MARK: Arithmetic

extension ONNXConstant {
  /// The shape in which shapes meet, axes of one element spread over the others'; nil where they do not fit.
  static func spread(_ shapes: [[Int]]) -> [Int]? {
    let rank = shapes.map(\.count).max() ?? 0
    let filled = shapes.map { Array(repeating: 1, count: rank - $0.count) + $0 }
    let shape = (0..<rank).map { axis in filled.map { $0[axis] }.max() ?? 1 }
    let fit = filled.allSatisfy { own in own.indices.allSatisfy { own[$0] == shape[$0] || own[$0] == 1 } }
    return fit ? shape : nil
  }

  /// What an operator of arithmetic makes of constants; nil where it is none.
  static func computed(_ node: ONNXNodeProto, _ inputs: [ONNXConstant]) throws -> ONNXConstant? {
    let areWhole = inputs.allSatisfy(\.isWhole)
    guard let shape = spread(inputs.map(\.shape)), let function = function(node, inputs.count, areWhole) else {
      return nil
    }
    let count = try checkedCount(shape)
    let operands = try inputs.compactMap { try $0.expanded(to: shape)?.doubles }
    guard operands.count == inputs.count else { return nil }
    let isWhole = ["Equal", "Not", "Less", "Greater"].contains(node.opType) || inputs.suffix(2).allSatisfy(\.isWhole)
    let isChosen = ["Equal", "Not", "Less", "Greater", "Where"].contains(node.opType)
    return ONNXConstant(
      name: node.output[0], shape: shape, values: (0..<count).map { index in function(operands.map { $0[index] }) },
      isWhole: isWhole && !["Sqrt", "Reciprocal"].contains(node.opType),
      isParameter: !isChosen && inputs.contains(where: \.isParameter))
  }

  private static func function(
    _ node: ONNXNodeProto, _ count: Int, _ areWhole: Bool
  ) -> (([Double]) -> Double)? {
    switch (node.opType, count) {
    case ("Add", 2): return { $0[0] + $0[1] }
    case ("Sub", 2): return { $0[0] - $0[1] }
    case ("Mul", 2): return { $0[0] * $0[1] }
    case ("Div", 2): return areWhole ? { ($0[0] / $0[1]).rounded(.towardZero) } : { $0[0] / $0[1] }
    case ("Mod", 2):
      // Of the divisor's sign, or with fmod of the dividend's.
      guard node.integer("fmod") != 1 else { return { fmod($0[0], $0[1]) } }
      return { $0[0] - ($0[0] / $0[1]).rounded(.down) * $0[1] }
    case ("Pow", 2): return { pow($0[0], $0[1]) }
    case ("Equal", 2): return { $0[0] == $0[1] ? 1 : 0 }
    case ("Less", 2): return { $0[0] < $0[1] ? 1 : 0 }
    case ("Greater", 2): return { $0[0] > $0[1] ? 1 : 0 }
    case ("Where", 3): return { $0[0] != 0 ? $0[1] : $0[2] }
    case ("Not", 1): return { $0[0] == 0 ? 1 : 0 }
    case ("Neg", 1): return { -$0[0] }
    case ("Sqrt", 1): return { $0[0].squareRoot() }
    case ("Reciprocal", 1): return { 1 / $0[0] }
    case ("Floor", 1): return { $0[0].rounded(.down) }
    case ("Ceil", 1): return { $0[0].rounded(.up) }
    default: return nil
    }
  }
}
