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

  /// All that a node reads as values of the network that meet, in their order; constants are stored.
  mutating func operands(_ node: ONNXNodeProto) throws -> (names: [String], like: ONNXImage) {
    let second = try secondOperand(node)
    let given = node.input.indices.map { $0 == 1 ? second : value(node, $0) }
    let images = try given.enumerated().compactMap { index, value -> ONNXImage? in
      switch value {
      case .constant: nil
      case .image(let image): image
      default: try image(node, index)
      }
    }
    let (met, like) = try met(images, node)
    var left = met[...]
    let names = try given.map { value in
      guard case .constant(let constant) = value else { return left.removeFirst() }
      return try store(constant, toMeet: like, node)
    }
    return (names, like)
  }

  /// Makes a stored value of the constant that a node computes with where all that it reads is constant and nothing
  /// folds it, as what a transformer does with learnt queries; false where it is none of one image.
  mutating func lift(_ node: ONNXNodeProto) throws -> Bool {
    let given = node.input.indices.compactMap { value(node, $0) }
    let readsImages = given.contains { if case .image = $0 { true } else { false } }
    guard !readsImages, case .constant(let constant) = given.first, !constant.isWhole, constant.shape.count >= 2,
      constant.shape[0] == 1, constant.shape.count <= ONNXTensors.largestRank
    else { return false }
    var stored = ONNXImage(name: "", shape: Array(constant.shape.dropFirst()))
    stored.name = try store(constant, toMeet: stored, node)
    set(node.input[0], .image(stored))
    return true
  }

  /// The inputs as values laid out alike; constants that a fixed batch was put into are taken along.
  mutating func imagesAlike(_ node: ONNXNodeProto) throws -> [ONNXImage] {
    let given = node.input.indices.map { value(node, $0) }
    let image = given.lazy.compactMap { if case .image(let image) = $0 { image } else { nil } }.first
    return try given.enumerated().map { index, value in
      guard let like = image, case .constant(let constant) = value, constant.shape.count == like.rank,
        like.standsAlone, exportedBatch != nil
      else { return try self.image(node, index) }
      var stored = like
      stored.name = try store(constant, toMeet: like, node)
      stored.shape = shape(stored.name)
      return stored
    }
  }

  /// Where a condition that is the same for every image holds, one value, elsewhere another.
  ///
  /// a·c + b·(1 − c), in which what is not taken is zero already where it is a constant, so that it may be infinite.
  mutating func readChoice(_ node: ONNXNodeProto) throws {
    guard let condition = try constant(node, 0), node.input.count == 3 else {
      throw ONNXProblem("has no condition")
    }
    let ones = condition.masked { $0 != 0 ? 1 : 0 }
    let choices = try [(1, ones), (2, condition.masked { $0 != 0 ? 0 : 1 })].map { index, mask in
      guard case .constant(let constant) = value(node, index) else { return try chosen(image(node, index), mask, node) }
      return try ONNXChoice.constant(constant.where(mask))
    }
    switch (choices[0], choices[1]) {
    case (.image(let a), .image(let b)):
      let (names, like) = try met([a, b], node)
      try finish(Elementwise.add, node, reading: names, like: like)
    case (.image(let image), .constant(let constant)), (.constant(let constant), .image(let image)):
      let stored = try store(constant, toMeet: image, node)
      try finish(Elementwise.add, node, reading: [image.name, stored], like: image)
    default: throw ONNXProblem("chooses between constants of unlike shapes")
    }
  }

  private mutating func chosen(_ image: ONNXImage, _ mask: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXChoice {
    let stored = try store(mask, toMeet: image, node)
    var result = image
    result.name = try append(Elementwise.multiply, node, suffix: ".chosen", reading: [image.name, stored])
    result.shape = shape(result.name)
    return .image(result)
  }

  /// A constant as a value of the network with as many axes as the other has, without the batch.
  mutating func store(_ constant: ONNXConstant, toMeet image: ONNXImage, _ node: ONNXNodeProto) throws -> String {
    guard constant.shape.count <= image.rank else {
      throw ONNXProblem("has a constant of shape \(constant.shape) for values of shape \(image.shape)")
    }
    var own = Array(repeating: 1, count: image.rank - constant.shape.count) + constant.shape
    var tensor = constant.tensor.reshaped(own)
    if own[image.axis] > 1, image.standsAlone, own[image.axis] == exportedBatch {
      // Spread over a batch that was fixed when the file was made.
      let first = tensor.slice(axis: image.axis, from: 0, to: 1)
      if (tensor - first).maximumMagnitude == 0 { (tensor, own[image.axis]) = (first, 1) }
    }
    guard !image.hasBatch || own[image.axis] == 1 else {
      throw ONNXProblem("has a constant of shape \(constant.shape) that goes along the batch")
    }
    if image.standsAlone { own.remove(at: image.axis) }
    let role: Role = constant.isParameter ? .weight : .constant
    return try append(Stored(), node, suffix: ".operand", reading: [], [role: ("", tensor.reshaped(own))])
  }
}

/// One of the two values between which a condition chooses, zero where it is not taken.
private enum ONNXChoice {
  case image(ONNXImage)
  case constant(ONNXConstant)
}

extension ONNXConstant {
  fileprivate func masked(_ function: (Double) -> Double) -> ONNXConstant {
    ONNXConstant(name: name, shape: shape, values: doubles.map(function), isWhole: false, isParameter: false)
  }

  /// The elements where `mask` is 1, and zeros elsewhere.
  fileprivate func `where`(_ mask: ONNXConstant) throws -> ONNXConstant {
    var choice = ONNXNodeProto()
    (choice.opType, choice.output) = ("Where", [name])
    let zero = ONNXConstant(name: "", shape: [], values: [0], isWhole: false, isParameter: false)
    guard let chosen = try ONNXConstant.computed(choice, [mask, self, zero]) else {
      throw ONNXProblem("chooses from shape \(shape) by shape \(mask.shape)")
    }
    return chosen
  }
}
