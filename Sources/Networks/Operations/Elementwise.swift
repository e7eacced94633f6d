import Torch

/// The sum or the product of values of equal shape; a factor of 1×1 pixels (or 1 channel) is spread over the others.
public enum Elementwise: String, Operation, Hashable {
  case add, multiply

  public static let kind = "elementwise"

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    guard inputs.count >= 2 else { throw NetworkError("reads \(inputs.count) values, expected two or more") }
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
    inputs.dropFirst().reduce(inputs[0]) { self == .add ? $0 + $1 : $0 * $1 }
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Channel i of every operand is one channel; an operand of one channel is spread over all and stays.
  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] {
    let full = site.inputs.filter { $0.count == site.outputShape[0] }
    for spread in site.inputs where spread.count != site.outputShape[0] { ties.freeze(spread) }
    for other in full.dropFirst() { ties.tie(full[0], other) }
    return full[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    let count = inputs.map(\.count).max() ?? 0
    return (0..<count).map { channel in
      let operands = inputs.map { $0[$0.count == 1 ? 0 : channel] }
      if self == .multiply, operands.contains(.constant(0)) { return .constant(0) }
      return operands.dropFirst().reduce(operands[0]) { a, b in
        guard case .constant(let x) = a, case .constant(let y) = b else { return .varying }
        return .constant(self == .add ? x + y : x * y)
      }
    }
  }
}
