import Networks
import ONNXSchema
import Torch

/// How operators are read that others of the network make together.
extension ONNXGraphReader {
  /// max(a, b) = a + relu(b − a), and −max(−a, −b); with one number a cut.
  mutating func readExtremum(_ node: ONNXNodeProto) throws {
    if node.input.count == 1 { return alias(node, try image(node)) }
    let isMaximum = node.opType == "Max"
    let constants = node.input.indices.filter { if case .constant = value(node, $0) { true } else { false } }
    guard node.input.count == 2, constants.count < 2 else { throw ONNXProblem("compares more than two values") }
    var names: [String]
    var like: ONNXImage
    if let index = constants.first, let constant = try constant(node, index) {
      like = try image(node, 1 - index)
      let largest = Double.greatestFiniteMagnitude
      if constant.shape.count <= like.rank, let number = constant.single {
        let bound = min(largest, max(-largest, number))
        let cut: Activation =
          isMaximum ? bound == 0 ? .relu : .clip(low: bound, high: largest) : .clip(low: -largest, high: bound)
        return try finish(cut, node, of: like)
      }
      guard constant.tensor.maximumMagnitude.isFinite else { throw ONNXProblem("compares with infinite numbers") }
      names = [like.name, try store(constant, toMeet: like, node)]
    } else {
      (names, like) = try met([image(node), image(node, 1)], node)
    }
    let order = isMaximum ? [names[1], names[0]] : [names[0], names[1]]
    let difference = try append(Elementwise.subtract, node, suffix: ".difference", reading: order)
    let positive = try append(Activation.relu, node, suffix: ".positive", reading: [difference])
    try finish(isMaximum ? Elementwise.add : .subtract, node, reading: [names[0], positive], like: like)
  }

  /// Celu is α·elu(x/α), Selu γ·elu(x), Softsign x/(1 + |x|).
  mutating func readScaledActivation(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    switch node.opType {
    case "Celu":
      let alpha = node.number("alpha") ?? 1
      guard alpha != 0 else { throw ONNXProblem("has an alpha of 0") }
      let scaled = try append(Affine(scale: 1 / alpha), node, suffix: ".scaled", reading: [input.name])
      let bent = try append(Activation.elu(alpha: 1), node, suffix: ".elu", reading: [scaled])
      try finish(Affine(scale: alpha), node, reading: [bent], like: input)
    case "Selu":
      let (alpha, gamma) = (node.number("alpha") ?? 1.6732632423543772, node.number("gamma") ?? 1.0507009873554805)
      let bent = try append(Activation.elu(alpha: alpha), node, suffix: ".elu", reading: [input.name])
      try finish(Affine(scale: gamma), node, reading: [bent], like: input)
    default:
      let size = try append(Activation.absolute, node, suffix: ".size", reading: [input.name])
      let divisor = try append(Affine(shift: 1), node, suffix: ".divisor", reading: [size])
      try finish(Elementwise.divide, node, reading: [input.name, divisor], like: input)
    }
  }

  /// Channels as blocks of pixels, and back: a reshape, a transposition and a reshape.
  mutating func readDepthToSpace(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard input.shape.count == 3, let block = node.integer("blocksize"), (1...1 << 10).contains(block) else {
      throw ONNXProblem("has values of shape \(input.shape) and blocks of \(node.integer("blocksize") ?? 0)")
    }
    let (channels, height, width) = (input.shape[0], input.shape[1], input.shape[2])
    let (split, order, shape): ([Int], [Int], [Int])
    if node.opType == "SpaceToDepth" {
      guard height % block == 0, width % block == 0 else {
        throw ONNXProblem("divides \(height)×\(width) pixels into blocks of \(block)")
      }
      let (rows, columns) = (height / block, width / block)
      (split, order) = ([channels, rows, block, columns, block], [2, 4, 0, 1, 3])
      shape = [channels * block * block, rows, columns]
    } else {
      guard channels % (block * block) == 0 else {
        throw ONNXProblem("makes blocks of \(block)×\(block) pixels of \(channels) channels")
      }
      let own = channels / (block * block)
      let isCRD = node.word("mode") == "CRD"
      split = isCRD ? [own, block, block, height, width] : [block, block, own, height, width]
      order = isCRD ? [0, 3, 1, 4, 2] : [2, 3, 0, 4, 1]
      shape = [own, height * block, width * block]
    }
    let blocks = try append(Reshape(split), node, suffix: ".blocks", reading: [input.name])
    let turned = try append(Transpose(order), node, suffix: ".turned", reading: [blocks])
    try finish(Reshape(shape), node, reading: [turned], like: input)
  }
}
