import Networks
import ONNXSchema
import Torch

/// How operators are read that others of the network make together.
extension ONNXGraphReader {
  /// max(a, b) = a + relu(b − a), and −max(−a, −b); with one number a cut; of more values one after the other.
  mutating func readExtremum(_ node: ONNXNodeProto) throws {
    let isMaximum = node.opType == "Max"
    var (images, constants): ([ONNXImage], [ONNXConstant]) = ([], [])
    for index in node.input.indices {
      if case .constant(let constant) = value(node, index) {
        constants.append(constant)
      } else {
        images.append(try image(node, index))
      }
    }
    let (names, like) = try met(images, node)
    let operands = try names.dropFirst().map(Operand.value) + constants.map { try operand($0, like, node) }
    guard !operands.isEmpty else { return alias(node, like) }
    var result = names[0]
    for (index, operand) in operands.enumerated() {
      let operation: any Networks.Operation
      var inputs = [result]
      switch operand {
      case .number(let number): operation = Activation.cut(at: number, isMaximum)
      case .value(let other):
        let order = isMaximum ? [other, result] : [result, other]
        let difference = try append(Elementwise.subtract, node, suffix: ".difference", reading: order)
        inputs.append(try append(Activation.relu, node, suffix: ".positive", reading: [difference]))
        operation = isMaximum ? Elementwise.add : .subtract
      }
      guard index < operands.count - 1 else { return try finish(operation, node, reading: inputs, like: like) }
      result = try append(operation, node, suffix: ".part\(index)", reading: inputs)
    }
  }

  private enum Operand {
    case value(String)
    case number(Double)
  }

  private mutating func operand(
    _ constant: ONNXConstant, _ like: ONNXImage, _ node: ONNXNodeProto
  ) throws -> Operand {
    if constant.shape.count <= like.rank, let number = constant.single { return .number(number) }
    guard constant.tensor.maximumMagnitude.isFinite else { throw ONNXProblem("compares with infinite numbers") }
    return .value(try store(constant, toMeet: like, node))
  }

  mutating func readMean(_ node: ONNXNodeProto) throws {
    let (names, like) = try operands(node)
    guard names.count > 1 else { return alias(node, like) }
    var sum = like
    sum.name = try append(Elementwise.add, node, suffix: ".sum", reading: names)
    try finish(Affine(scale: 1 / Double(names.count)), node, of: sum)
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

  /// ThresholdedRelu is x where x > α, Shrink x ± bias where |x| > λ, else zero; Swish is x·sigmoid(α·x).
  mutating func readChosenActivation(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    func number(_ name: String, _ usual: Double) -> Double { node.number(name) ?? usual }
    switch node.opType {
    case "ThresholdedRelu":
      let above = [Affine(shift: -number("alpha", 1)), Activation.sign, Activation.relu] as [any Networks.Operation]
      let condition = try append(above, node, suffix: ".above", reading: input.name)
      try finish(Elementwise.multiply, node, reading: [input.name, condition], like: input)
    case "Shrink":
      let (limit, bias) = (number("lambd", 0.5), number("bias", 0))
      guard limit >= 0 else { throw ONNXProblem("has a lambd of \(limit), expected 0 or more") }
      let parts = try [("above", 1.0), ("below", -1.0)].map { name, side in
        let beyond = [Affine(scale: side, shift: -limit), Activation.sign, Activation.relu] as [any Networks.Operation]
        let condition = try append(beyond, node, suffix: ".\(name)", reading: input.name)
        let moved = try append(Affine(shift: -side * bias), node, suffix: ".\(name)_moved", reading: [input.name])
        return try append(Elementwise.multiply, node, suffix: ".\(name)_kept", reading: [moved, condition])
      }
      try finish(Elementwise.add, node, reading: parts, like: input)
    default:
      let steps: [any Networks.Operation] = [Affine(scale: number("alpha", 1)), Activation.sigmoid]
      let gate = try append(steps, node, suffix: ".gate", reading: input.name)
      try finish(Elementwise.multiply, node, reading: [input.name, gate], like: input)
    }
  }

  /// Channels as blocks of pixels, and back: a reshape, a transposition and a reshape.
  mutating func readDepthToSpace(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard ["DCR", "CRD", ""].contains(node.word("mode") ?? "") else {
      throw ONNXProblem("orders channels in the mode \(node.word("mode") ?? ""), expected DCR or CRD")
    }
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
      // The new channels: blocks of all, or since opset 28 all of a block.
      let isCRD = node.word("mode") == "CRD"
      (split, order) = ([channels, rows, block, columns, block], isCRD ? [0, 2, 4, 1, 3] : [2, 4, 0, 1, 3])
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

extension Activation {
  /// What keeps values from going below a number, or above it.
  fileprivate static func cut(at number: Double, _ isMaximum: Bool) -> Activation {
    let largest = Double.greatestFiniteMagnitude
    let bound = min(largest, max(-largest, number))
    guard isMaximum else { return .clip(low: -largest, high: bound) }
    return bound == 0 ? .relu : .clip(low: bound, high: largest)
  }
}
