import Foundation
import Torch

/// An elementwise non-linearity of the ReLU family.
public enum Activation: Operation, Hashable {
  case relu
  case leakyRelu(slope: Double)
  /// ReLU cut at `limit`; 6 is MobileNet's.
  case cappedRelu(limit: Double)
  case elu(alpha: Double)

  public static let kind = "activation"

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    if case .cappedRelu(let limit) = self, !(limit >= 0) {
      throw NetworkError("is cut at \(limit), expected 0 or more")
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    switch self {
    case .relu: inputs[0].relu
    case .leakyRelu(let slope): inputs[0].leakyRelu(slope: slope)
    case .cappedRelu(let limit): inputs[0].hardTanh(low: 0, high: limit)
    case .elu(let alpha): inputs[0].elu(alpha: alpha)
    }
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    inputs[0].map { $0.map(applied) }
  }

  private func applied(to x: Double) -> Double {
    switch self {
    case .relu: max(0, x)
    case .leakyRelu(let slope): x > 0 ? x : slope * x
    case .cappedRelu(let limit): min(max(0, x), limit)
    case .elu(let alpha): x > 0 ? x : alpha * (exp(x) - 1)
    }
  }
}
