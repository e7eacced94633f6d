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

  /// As another kind of number.
  func cast(to kind: ONNXType?) -> ONNXConstant {
    let isReal = kind.map { [.float, .double, .float16, .bfloat16].contains($0) } ?? true
    guard isReal == isWhole || kind == .bool else { return self }
    let values = kind == .bool ? doubles.map { $0 == 0 ? 0 : 1 } : doubles
    return ONNXConstant(name: name, shape: shape, values: values, isWhole: !isReal, isParameter: isParameter)
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

  /// Operators that make true and false.
  private static let conditions: Set<String> = [
    "Equal", "Not", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor",
  ]

  /// What an operator of arithmetic makes of constants; nil where it is none.
  static func computed(_ node: ONNXNodeProto, _ inputs: [ONNXConstant]) throws -> ONNXConstant? {
    let areWhole = inputs.allSatisfy(\.isWhole)
    guard let shape = spread(inputs.map(\.shape)), let function = function(node, inputs.count, areWhole) else {
      return nil
    }
    let count = try checkedCount(shape)
    let operands = try inputs.compactMap { try $0.expanded(to: shape)?.doubles }
    guard operands.count == inputs.count else { return nil }
    let isCondition = conditions.contains(node.opType)
    let isWhole = isCondition || inputs.suffix(2).allSatisfy(\.isWhole)
    let isChosen = isCondition || node.opType == "Where"
    return ONNXConstant(
      name: node.output[0], shape: shape, values: (0..<count).map { index in function(operands.map { $0[index] }) },
      isWhole: isWhole && !["Sqrt", "Reciprocal", "Exp", "Log", "Sigmoid", "Tanh"].contains(node.opType),
      isParameter: !isChosen && inputs.contains(where: \.isParameter))
  }

  /// The same with a function applied to each element.
  func mapped(_ function: (Double) -> Double) -> ONNXConstant {
    ONNXConstant(
      name: name, shape: shape, values: doubles.map(function), isWhole: isWhole, isParameter: isParameter)
  }

  /// The product with a matrix along the last axis; nil where there is none.
  func multiplied(by matrix: ONNXConstant) throws -> ONNXConstant? {
    guard matrix.shape.count == 2, !shape.isEmpty, shape.last == matrix.shape[0], !isWhole, !matrix.isWhole,
      case let target = shape.dropLast() + [matrix.shape[1]], try Self.checkedCount(Array(target)) > 0,
      let work = [count, matrix.shape[1]].checkedProduct, work <= 1 << 32
    else { return nil }
    let product = tensor.reshaped([-1, matrix.shape[0]]).matmul(matrix.tensor)
    return ONNXConstant(
      name: name, shape: Array(target), numbers: .real(product.reshaped(Array(target))),
      isParameter: isParameter || matrix.isParameter)
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
    case ("LessOrEqual", 2): return { $0[0] <= $0[1] ? 1 : 0 }
    case ("GreaterOrEqual", 2): return { $0[0] >= $0[1] ? 1 : 0 }
    case ("And", 2): return { $0[0] != 0 && $0[1] != 0 ? 1 : 0 }
    case ("Or", 2): return { $0[0] != 0 || $0[1] != 0 ? 1 : 0 }
    case ("Xor", 2): return { ($0[0] != 0) != ($0[1] != 0) ? 1 : 0 }
    case ("Where", 3): return { $0[0] != 0 ? $0[1] : $0[2] }
    case ("Not", 1): return { $0[0] == 0 ? 1 : 0 }
    case ("Max", 2): return { max($0[0], $0[1]) }
    case ("Min", 2): return { min($0[0], $0[1]) }
    case ("Neg", 1): return { -$0[0] }
    case ("Abs", 1): return { abs($0[0]) }
    case ("Log", 1): return { log($0[0]) }
    case ("Exp", 1): return { exp($0[0]) }
    case ("Sigmoid", 1): return { 1 / (1 + exp(-$0[0])) }
    case ("Tanh", 1): return { tanh($0[0]) }
    case ("Relu", 1): return { max(0, $0[0]) }
    case ("Sqrt", 1): return { $0[0].squareRoot() }
    case ("Reciprocal", 1): return { 1 / $0[0] }
    case ("Floor", 1): return { $0[0].rounded(.down) }
    case ("Ceil", 1): return { $0[0].rounded(.up) }
    case ("Round", 1): return { $0[0].rounded(.toNearestOrEven) }
    case ("Sign", 1): return { $0[0] > 0 ? 1 : $0[0] < 0 ? -1 : 0 }
    default: return nil
    }
  }
}
