import Torch

/// exp(x) divided by its sum along an axis.
public struct Softmax: SumsAlongAxis, Hashable {
  public static let kind = "softmax"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].softmax(axis: axis + 1)
  }
}

/// The logarithm of exp(x) divided by its sum along an axis.
public struct LogSoftmax: SumsAlongAxis, Hashable {
  public static let kind = "logSoftmax"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].logSoftmax(axis: axis + 1)
  }
}

/// An operation whose elements depend on all others along one axis, with the rules that follow from that.
public protocol SumsAlongAxis: Operation {
  var axis: Int { get }
}

extension SumsAlongAxis {
  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard inputs[0].indices.contains(axis) else { throw NetworkError("sums axis \(axis) of shape \(inputs[0])") }
    return inputs[0]
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    if site.axes.inputs[0].contains(axis) { coupling.freeze(site.inputs[0]) }
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    Array(repeating: .varying, count: inputs[0].count)
  }
}
