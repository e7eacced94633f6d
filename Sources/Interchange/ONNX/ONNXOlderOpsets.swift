import Networks
import ONNXSchema

/// What operators meant, and how attributes were written, in older opsets.
extension ONNXGraphReader {
  /// Operators whose second operand is spread over the first.
  private static let spreading: Set<String> = [
    "Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "Greater", "And", "Or", "Xor",
  ]

  /// A node's second operand, laid out so that axes meet when they are counted from the end.
  ///
  /// Before opset 7 it was spread over the first only where `broadcast` says so; its axes were those of the first from
  /// `axis` on, or the last ones.
  mutating func secondOperand(_ node: ONNXNodeProto) throws -> ONNXValue? {
    guard Self.spreading.contains(node.opType), node.input.count == 2 else { return value(node, 1) }
    guard opset < 7 || node.integer("axis") == nil else {
      throw ONNXProblem("has the attribute axis, which opset 7 no longer has; export it again")
    }
    guard opset < 7, let first = value(node, 0), let second = value(node, 1), let shape = Self.sizes(first),
      let own = Self.sizes(second)
    else { return value(node, 1) }
    let ones = try axesBehind(own, meeting: shape, node)
    guard ones > 0 else { return second }
    switch second {
    case .constant(let constant): return .constant(constant.followed(by: ones))
    case .image(let image):
      guard var laid = image.laidOut(own + Array(repeating: .fixed(1), count: ones)) else { return second }
      laid.name = try append(Reshape(laid.shape), node, suffix: ".spread", reading: [image.name])
      return .image(laid)
    default: return second
    }
  }

  /// Operands of constants in the same way.
  func met(_ operands: [ONNXConstant], _ node: ONNXNodeProto) throws -> [ONNXConstant] {
    guard opset < 7, Self.spreading.contains(node.opType), operands.count == 2 else { return operands }
    let shapes = operands.map { $0.shape.map(ONNXSize.fixed) }
    return [operands[0], operands[1].followed(by: try axesBehind(shapes[1], meeting: shapes[0], node))]
  }

  /// How many axes of one element come behind the second operand's.
  private func axesBehind(_ own: [ONNXSize], meeting shape: [ONNXSize], _ node: ONNXNodeProto) throws -> Int {
    guard own.contains(where: { $0 != .fixed(1) }), shape.contains(where: { $0 != .fixed(1) }) else { return 0 }
    guard node.integer("broadcast") == 1 else {
      guard own == shape else {
        throw ONNXProblem("combines values of different shapes, which needs the attribute broadcast before opset 7")
      }
      return 0
    }
    let given = node.integer("axis") ?? shape.count - own.count
    let axis = given < 0 ? given + shape.count : given
    guard axis >= 0, axis <= shape.count - own.count,
      zip(shape[axis...], own).allSatisfy({ $0 == $1 || $1 == .fixed(1) })
    else { throw ONNXProblem("spreads values whose shape is no part of the others' from axis \(given) on") }
    return shape.count - own.count - axis
  }

  private static func sizes(_ value: ONNXValue) -> [ONNXSize]? {
    switch value {
    case .image(let image): image.sizes
    case .constant(let constant): constant.shape.map(ONNXSize.fixed)
    case .sizes, .indices, .quantized, .unknown: nil
    }
  }

  /// The axis along which values are joined, which had another default before opset 4.
  func joinedAxis(_ node: ONNXNodeProto) -> Int { node.integer("axis") ?? (opset < 4 ? 1 : 0) }

  /// Dropout does nothing outside of training.
  mutating func readDropout(_ node: ONNXNodeProto) throws {
    if opset >= 12, let mode = try constant(node, 2)?.single, mode != 0 { throw ONNXProblem.trains }
    guard !readsFurtherOutputs(of: node) else { throw ONNXProblem("gives its mask, which is read") }
    alias(node, try image(node))
  }

  /// Whether something reads what a node makes beside its first output.
  func readsFurtherOutputs(of node: ONNXNodeProto) -> Bool {
    node.output.dropFirst().contains { !$0.isEmpty && readers[$0, default: 0] > 0 }
  }

  /// Refuses a batch norm that measures the batch: since opset 14 an attribute says so, before that its further
  /// outputs.
  func requireEvaluation(_ node: ONNXNodeProto) throws {
    let trains = opset >= 14 ? node.integer("training_mode") == 1 : node.output.dropFirst().contains { !$0.isEmpty }
    guard !trains else { throw ONNXProblem.trains }
  }
}

extension ONNXProblem {
  fileprivate static let trains = ONNXProblem(
    "is in training mode; export the network in evaluation mode, as after model.eval()")
}

extension ONNXConstant {
  /// With axes of one element behind its own.
  fileprivate func followed(by ones: Int) -> ONNXConstant {
    ones > 0 ? moved(to: shape + Array(repeating: 1, count: ones)) { $0 } : self
  }
}

extension ONNXNodeProto {
  /// The type that a Cast makes; before opset 6 files have its name.
  var castType: ONNXType? {
    let names: [String: ONNXType] = [
      "FLOAT": .float, "FLOAT16": .float16, "DOUBLE": .double, "BFLOAT16": .bfloat16, "INT32": .int32,
      "INT64": .int64, "UINT8": .uint8, "BOOL": .bool,
    ]
    if let name = word("to"), !name.isEmpty { return names[name.uppercased()] }
    return integer("to").flatMap { Int32(exactly: $0) }.flatMap(ONNXType.init)
  }
}
