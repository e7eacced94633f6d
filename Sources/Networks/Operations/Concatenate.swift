import Torch

/// Several values laid one after the other along an axis; axis 0, the default, is the channels.
public struct Concatenate: Operation, Hashable {
  public static let kind = "concatenate"
  public var axis: Int

  public init(axis: Int = 0) { self.axis = axis }

  /// Files from before other axes were possible have none.
  public init(from decoder: any Decoder) throws {
    axis = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Int.self, forKey: .axis) ?? 0
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    guard let first = inputs.first else { throw NetworkError("reads nothing, expected one value or more") }
    guard first.indices.contains(axis) else { throw NetworkError("joins axis \(axis) of shape \(first)") }
    let rest = { (shape: [Int]) in shape.indices.filter { $0 != axis }.map { shape[$0] } }
    guard inputs.allSatisfy({ $0.count == first.count && rest($0) == rest(first) }) else {
      throw NetworkError("reads shapes \(inputs) that differ in more than axis \(axis)")
    }
    var shape = first
    shape[axis] = inputs.map { $0[axis] }.reduce(0, +)
    return shape
  }

  /// A constant has a batch of one, which is spread over the others'.
  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let batch = inputs.map { $0.shape[0] }.max() ?? 1
    let spread = inputs.map { $0.shape[0] == batch ? $0 : $0.expanded([batch] + $0.shape.dropFirst().map { _ in -1 }) }
    return Tensor.concatenated(spread, axis: axis + 1)
  }

  public var quantizationRule: QuantizationRule { .computes(resultMayBeFloat: false) }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Along another axis channel i of every value is one channel.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard axis > 0 else { return site.inputs.flatMap { $0 } }
    for other in site.inputs.dropFirst() { coupling.couple(site.inputs[0], other) }
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    guard axis > 0 else { return inputs.flatMap { $0 } }
    return inputs[0].indices.map { channel in
      inputs.allSatisfy { $0[channel] == inputs[0][channel] } ? inputs[0][channel] : .varying
    }
  }
}
