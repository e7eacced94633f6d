import Foundation
import Torch

/// scale·x + shift with two numbers of the network's definition.
public struct Affine: Operation, Hashable {
  public static let kind = "affine"
  public var scale: Double
  public var shift: Double

  public init(scale: Double = 1, shift: Double = 0) {
    self.scale = scale
    self.shift = shift
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard scale.isFinite, shift.isFinite else { throw NetworkError("has numbers that are not finite") }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let scaled = scale == 1 ? inputs[0] : inputs[0] * scale
    return shift == 0 ? scaled : scaled + shift
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0].map { $0.map { scale * $0 + shift } }
  }
}

/// x to a power; ½ is the square root.
public struct Power: Operation, Hashable {
  public static let kind = "power"
  public var exponent: Double

  public init(_ exponent: Double) { self.exponent = exponent }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard exponent.isFinite else { throw NetworkError("has an exponent that is not finite") }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    exponent == 0.5 ? inputs[0].squareRoot : inputs[0].power(exponent)
  }

  public var isUndefinedAtZero: Bool { exponent < 0 }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    // To a negative power it divides.
    if exponent < 0 { coupling.keepValues(of: site.inputs[0]) }
    return site.inputs[0]
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0].map { $0.map { pow($0, exponent) } }
  }
}
