import Networks
import ONNXSchema
import Torch

/// How comparisons of values, and choices by them, are read: a condition is a value of zeros and ones.
extension ONNXGraphReader {
  /// a > b is relu(sign(a − b)), a ≥ b is 1 less b > a.
  mutating func readComparison(_ node: ONNXNodeProto) throws {
    switch node.opType {
    case "Not": return try finish(Affine(scale: -1, shift: 1), node, of: image(node))
    case "And":
      let (names, like) = try met([image(node), image(node, 1)], node)
      return try finish(Elementwise.multiply, node, reading: names, like: like)
    default: break
    }
    let isTurned = ["Less", "GreaterOrEqual"].contains(node.opType)
    let difference = try difference(node, isTurned: isTurned)
    let sign = try append(Activation.sign, node, suffix: ".sign", reading: [difference.name])
    guard node.opType.hasSuffix("OrEqual") else {
      return try finish(Activation.relu, node, reading: [sign], like: difference)
    }
    let other = try append(Activation.relu, node, suffix: ".other", reading: [sign])
    try finish(Affine(scale: -1, shift: 1), node, reading: [other], like: difference)
  }

  /// The first operand less the second, or the second less the first.
  private mutating func difference(_ node: ONNXNodeProto, isTurned: Bool) throws -> ONNXImage {
    var operands: [String] = []
    var like: ONNXImage
    if let index = [0, 1].first(where: { if case .constant = value(node, $0) { true } else { false } }),
      let constant = try constant(node, index)
    {
      like = try image(node, 1 - index)
      let stored = try store(constant, toMeet: like, node)
      operands = index == 0 ? [stored, like.name] : [like.name, stored]
    } else {
      (operands, like) = try met([image(node), image(node, 1)], node)
    }
    like.name = try append(
      Elementwise.subtract, node, suffix: ".difference", reading: isTurned ? operands.reversed() : operands)
    like.shape = shape(like.name)
    return like
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
