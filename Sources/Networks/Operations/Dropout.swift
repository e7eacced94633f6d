import Torch

/// Elements zeroed at random in training, the rest scaled up; nothing in evaluation.
public struct Dropout: Operation, Hashable {
  public static let kind = "dropout"
  public var probability: Double

  public init(_ probability: Double) { self.probability = probability }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard (0..<1).contains(probability) else {
      throw NetworkError("drops with probability \(probability), expected 0 or more and less than 1")
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    guard context.mode == .training, probability > 0 else { return inputs[0] }
    guard let generator = context.generator else {
      preconditionFailure("a network with dropout needs a generator in training")
    }
    return inputs[0].dropout(probability, using: generator)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0]
  }
}
