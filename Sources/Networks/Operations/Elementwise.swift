import Torch

/// The sum, product, difference or quotient of values of equal shape; axes of one element are spread over the others.
public enum Elementwise: String, Operation, Hashable {
  case add, multiply
  /// The first less, or by, the second; of two values only.
  case subtract, divide

  public static let kind = "elementwise"

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    guard inputs.count >= 2 else { throw NetworkError("reads \(inputs.count) values, expected two or more") }
    guard inputs.count == 2 || self == .add || self == .multiply else {
      throw NetworkError("reads \(inputs.count) values, expected two")
    }
    let rank = inputs[0].count
    guard inputs.allSatisfy({ $0.count == rank }) else {
      throw NetworkError("reads shapes \(inputs) that do not match")
    }
    return try (0..<rank).map { axis in
      let widest = inputs.map { $0[axis] }.max() ?? 1
      guard inputs.allSatisfy({ $0[axis] == widest || $0[axis] == 1 }) else {
        throw NetworkError("reads shapes \(inputs) that do not match")
      }
      return widest
    }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs.dropFirst().reduce(inputs[0]) { a, b in
      switch self {
      case .add: a + b
      case .multiply: a * b
      case .subtract: a - b
      case .divide: a / b
      }
    }
  }

  public var quantizationRule: QuantizationRule {
    switch self {
    case .add, .multiply: .computes(resultMayBeFloat: false)
    case .subtract, .divide: .float
    }
  }

  public var isUndefinedAtZero: Bool { self == .divide }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Operands have their channels along the same axes as the result, or one element there that is spread over them.
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    func sizes(_ input: Int, _ axes: [Int]) -> [Int] { axes.map { shapes[input][$0] } }
    let fitting = inputs.indices.first { index in
      let (axes, own) = (inputs[index], sizes(index, inputs[index]))
      return inputs.indices.allSatisfy { other in
        let others = sizes(other, axes)
        return others.allSatisfy { $0 == 1 } || inputs[other] == axes && others == own
      }
    }
    guard let fitting else { return ChannelAxes(inputs: inputs.map { _ in [0] }, output: [0]) }
    return ChannelAxes(inputs: inputs.map { _ in inputs[fitting] }, output: inputs[fitting])
  }

  /// Channel i of every operand is one channel; an operand of one channel is spread over all and stays.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    let full = site.inputs.filter { $0.count == site.count }
    for spread in site.inputs where spread.count != site.count { coupling.freeze(spread) }
    if self == .divide, site.inputs[1].count == site.count { coupling.keepValues(of: site.inputs[1]) }
    for other in full.dropFirst() { coupling.couple(full[0], other) }
    return full[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    let count = inputs.map(\.count).max() ?? 0
    return (0..<count).map { channel in
      let operands = inputs.map { $0[$0.count == 1 ? 0 : channel] }
      if self == .multiply, operands.contains(.constant(0)) { return .constant(0) }
      return operands.dropFirst().reduce(operands[0]) { a, b in
        guard case .constant(let x) = a, case .constant(let y) = b else { return .varying }
        return .constant(applied(x, y))
      }
    }
  }

  private func applied(_ x: Double, _ y: Double) -> Double {
    switch self {
    case .add: x + y
    case .multiply: x * y
    case .subtract: x - y
    case .divide: x / y
    }
  }
}
