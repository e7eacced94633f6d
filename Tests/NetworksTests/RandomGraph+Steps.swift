@testable import Networks
import Torch

/// What several makers of random graphs use.
extension RandomGraph {
  mutating func shuffled(_ list: [Int]) -> [Int] {
    var result = list
    for index in list.indices { result.swapAt(index, int(0...(list.count - 1))) }
    return result
  }

  /// A convolution that keeps the shape.
  mutating func square(_ x: String) throws -> String {
    let channels = shape(x)[0]
    let side = try one(of: [1, 3])
    return try append(
      Convolution(ConvolutionGeometry(padding: [side / 2, side / 2])), [x],
      chance(0.5)
        ? [.weight: (.matrix, [channels, channels, side, side])]
        : [.weight: (.matrix, [channels, channels, side, side]), .bias: (.signed, [channels])])
  }

  /// Often with as many units as there are channels, so that axes can be taken for one another.
  @discardableResult
  mutating func linear(_ x: String) throws -> String {
    let units = chance(0.5) ? shape(x)[0] : int(1...6)
    let weight = [units, shape(x).last ?? 1]
    return try append(
      Linear(), [x],
      chance(0.5) ? [.weight: (.matrix, weight)] : [.weight: (.matrix, weight), .bias: (.signed, [units])])
  }

  @discardableResult
  mutating func batchNorm(_ x: String) throws -> String {
    let channels = [shape(x)[0]]
    var parameters: [Role: (Likeness, [Int])] = [
      .runningMean: (.signed, channels), .runningVariance: (.positive, channels),
    ]
    if chance(0.9) { parameters[.weight] = (.positive, channels) }
    if chance(0.9) { parameters[.bias] = (.signed, channels) }
    return try append(BatchNorm(epsilon: one(of: [1e-5, 1e-3]), momentum: one(of: [0.1, 0.5])), [x], parameters)
  }

  /// A value in 0.5…1.5.
  mutating func positive(_ x: String) throws -> String {
    try append(Affine(shift: 0.5), [append(Activation.sigmoid, [x])])
  }

  /// The node's operation with its parameters on another value, or with another weight and its bias.
  mutating func append(again node: Node, reading x: String) throws {
    let isWhole = chance(0.6)
    let own = node.parameters.filter { isWhole || $0.key != .weight }
    let weight = network.parameters[node.parameters[.weight] ?? ""]?.shape ?? []
    try append(
      node.operation, [x], isWhole ? [:] : [.weight: (weight.count > 1 ? .matrix : .positive, weight)], keeping: own)
  }
}
