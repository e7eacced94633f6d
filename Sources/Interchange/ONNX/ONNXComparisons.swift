import Networks
import ONNXSchema
import Torch

/// How comparisons of values, and choices by them, are read: a condition is a value of zeros and ones.
extension ONNXGraphReader {
  /// a > b is relu(sign(a − b)), a ≥ b is 1 less b > a, a = b is 1 less |sign(a − b)|.
  mutating func readComparison(_ node: ONNXNodeProto) throws {
    if node.opType == "Not" { return try finish(Affine(scale: -1, shift: 1), node, of: image(node)) }
    var (names, like) = try operands(node)
    func after(_ operation: Elementwise) throws -> ONNXImage {
      var result = like
      result.name = try append(operation, node, suffix: ".difference", reading: names)
      result.shape = shape(result.name)
      return result
    }
    switch node.opType {
    case "And": return try finish(Elementwise.multiply, node, reading: names, like: like)
    case "Or": return try finish(Activation.sign, node, of: after(.add))
    case "Xor": return try finish(Activation.absolute, node, of: after(.subtract))
    default: break
    }
    if ["Less", "GreaterOrEqual"].contains(node.opType) { names.reverse() }
    let difference = try after(.subtract)
    let sign = try append(Activation.sign, node, suffix: ".sign", reading: [difference.name])
    let size: Activation = node.opType == "Equal" ? .absolute : .relu
    guard node.opType.hasSuffix("Equal") else { return try finish(size, node, reading: [sign], like: difference) }
    let other = try append(size, node, suffix: ".other", reading: [sign])
    try finish(Affine(scale: -1, shift: 1), node, reading: [other], like: difference)
  }

  /// a·c + b·(1 − c) where the condition c depends on the image.
  mutating func readChoiceOfImage(_ node: ONNXNodeProto) throws {
    var condition = try image(node)
    let other = try append(Affine(scale: -1, shift: 1), node, suffix: ".not", reading: [condition.name])
    var parts: [ONNXImage] = []
    for (index, name) in [(1, condition.name), (2, other)] {
      condition.name = name
      parts.append(try chosen(by: condition, index, node))
    }
    let (names, like) = try met(parts, node)
    try finish(Elementwise.add, node, reading: names, like: like)
  }

  /// The input, and zero where the condition is.
  private mutating func chosen(by condition: ONNXImage, _ index: Int, _ node: ONNXNodeProto) throws -> ONNXImage {
    var names: [String]
    var like: ONNXImage
    if case .constant(let constant) = value(node, index) {
      guard constant.tensor.maximumMagnitude.isFinite else {
        throw ONNXProblem("chooses numbers that are not finite where the image says so")
      }
      like = condition
      names = [condition.name, try store(constant, toMeet: condition, node)]
    } else {
      (names, like) = try met([condition, image(node, index)], node)
    }
    like.name = try append(Elementwise.multiply, node, suffix: ".chosen\(index)", reading: names)
    like.shape = shape(like.name)
    return like
  }
}
