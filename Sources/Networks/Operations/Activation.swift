import Foundation
import Torch

/// An elementwise non-linearity.
public enum Activation: Operation, Hashable {
  case relu
  case leakyRelu(slope: Double)
  /// ReLU cut at `limit`; 6 is MobileNet's.
  case cappedRelu(limit: Double)
  case elu(alpha: Double)
  /// x·Φ(x), exactly or by the approximation with tanh.
  case gelu(approximated: Bool)
  case silu
  case sigmoid
  case tanh
  case erf
  case hardSwish
  /// (slope·x + shift) cut to 0…1; 1/6 and 1/2 are PyTorch's.
  case hardSigmoid(slope: Double, shift: Double)
  case clip(low: Double, high: Double)
  /// log(1 + exp(x)).
  case softplus
  /// x·tanh(softplus(x)).
  case mish
  case exponential
  /// The natural logarithm.
  case logarithm
  case absolute
  /// −1, 0 or 1.
  case sign

  public static let kind = "activation"

  /// What the function is given beside x.
  private var numbers: [Double] {
    switch self {
    case .leakyRelu(let slope): [slope]
    case .cappedRelu(let limit): [limit]
    case .elu(let alpha): [alpha]
    case .hardSigmoid(let slope, let shift): [slope, shift]
    case .clip(let low, let high): [low, high]
    case .relu, .gelu, .silu, .sigmoid, .tanh, .erf, .hardSwish, .softplus, .mish, .exponential, .logarithm,
      .absolute, .sign:
      []
    }
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard numbers.allSatisfy(\.isFinite) else { throw NetworkError("has numbers that are not finite: \(numbers)") }
    if case .cappedRelu(let limit) = self, !(limit >= 0) {
      throw NetworkError("is cut at \(limit), expected 0 or more")
    }
    if case .clip(let low, let high) = self, !(low <= high) {
      throw NetworkError("is cut to \(low)…\(high), expected the lower end first")
    }
    return inputs[0]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    switch self {
    case .relu: inputs[0].relu
    case .leakyRelu(let slope): inputs[0].leakyRelu(slope: slope)
    case .cappedRelu(let limit): inputs[0].hardTanh(low: 0, high: limit)
    case .elu(let alpha): inputs[0].elu(alpha: alpha)
    case .gelu(let approximated): inputs[0].gelu(approximated: approximated)
    case .silu: inputs[0].silu
    case .sigmoid: inputs[0].sigmoid
    case .tanh: inputs[0].hyperbolicTangent
    case .erf: inputs[0].errorFunction
    case .hardSwish: inputs[0].hardSwish
    case .hardSigmoid(let slope, let shift): (inputs[0] * slope + shift).clamped(to: 0...1)
    case .clip(let low, let high): inputs[0].clamped(to: low...high)
    case .softplus: inputs[0].softplus
    case .mish: inputs[0].mish
    case .exponential: inputs[0].exponential
    case .logarithm: inputs[0].logarithm
    case .absolute: inputs[0].magnitude
    case .sign: inputs[0].sign
    }
  }

  public var quantizationRule: QuantizationRule {
    switch self {
    case .relu, .cappedRelu: .saturates
    default: .float
    }
  }

  public var isUndefinedAtZero: Bool { self == .logarithm }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes { .kept(inputs) }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] { site.inputs[0] }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    inputs[0].map { $0.map(applied) }
  }

  private func applied(to x: Double) -> Double {
    switch self {
    case .relu: max(0, x)
    case .leakyRelu(let slope): x > 0 ? x : slope * x
    case .cappedRelu(let limit): min(max(0, x), limit)
    case .elu(let alpha): x > 0 ? x : alpha * (exp(x) - 1)
    case .gelu(approximated: false): x * (1 + Foundation.erf(x / 2.0.squareRoot())) / 2
    case .gelu(approximated: true):
      x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
    case .silu: x / (1 + exp(-x))
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: Foundation.tanh(x)
    case .erf: Foundation.erf(x)
    case .hardSwish: x * min(max(0, x + 3), 6) / 6
    case .hardSigmoid(let slope, let shift): min(max(0, slope * x + shift), 1)
    case .clip(let low, let high): min(max(low, x), high)
    case .softplus: Self.softplus(x)
    case .mish: x * Foundation.tanh(Self.softplus(x))
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .absolute: abs(x)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
    }
  }

  private static func softplus(_ x: Double) -> Double { max(0, x) + log1p(exp(-abs(x))) }
}
