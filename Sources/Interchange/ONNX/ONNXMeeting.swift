import Networks
import ONNXSchema
import Torch

/// How values of different shapes meet in one operation: axes count from the end, those that are missing are spread.
extension ONNXGraphReader {
  /// Values with as many axes for one image each.
  ///
  /// - Returns: their names, and the one whose batch lies where the result's does.
  /// - Throws: `ONNXProblem` where an image would meet another one.
  mutating func met(_ images: [ONNXImage], _ node: ONNXNodeProto) throws -> (names: [String], like: ONNXImage) {
    guard let widest = images.max(by: { $0.rank < $1.rank }) else { throw ONNXProblem("reads nothing") }
    guard images.allSatisfy({ $0.batchLies(as: widest) }) else {
      throw ONNXProblem("combines values whose batches lie at different places")
    }
    let names = try images.enumerated().map { index, image -> String in
      let missing = widest.shape.count - image.shape.count
      guard missing > 0 else { return image.name }
      let filled = Array(repeating: 1, count: missing) + image.shape
      return try append(Reshape(filled), node, suffix: ".spread\(index)", reading: [image.name])
    }
    return (names, widest)
  }

  /// A constant as a value of the network with as many axes as the other has, without the batch.
  mutating func store(_ constant: ONNXConstant, toMeet image: ONNXImage, _ node: ONNXNodeProto) throws -> String {
    guard constant.shape.count <= image.rank else {
      throw ONNXProblem("has a constant of shape \(constant.shape) for values of shape \(image.shape)")
    }
    var own = Array(repeating: 1, count: image.rank - constant.shape.count) + constant.shape
    guard own[image.axis] == 1 else {
      throw ONNXProblem("has a constant of shape \(constant.shape) that goes along the batch")
    }
    if image.standsAlone { own.remove(at: image.axis) }
    let role: Role = constant.isParameter ? .weight : .constant
    return try append(
      Stored(), node, suffix: ".operand", reading: [], [role: ("", constant.tensor.reshaped(own))])
  }
}
