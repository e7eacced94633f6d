import Torch

/// Channels of several values laid one after the other.
public struct Concatenate: Operation, Hashable {
  public static let kind = "concatenate"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    guard let first = inputs.first else { throw NetworkError("reads nothing, expected one value or more") }
    guard inputs.allSatisfy({ !$0.isEmpty && $0.dropFirst() == first.dropFirst() }) else {
      throw NetworkError("reads shapes \(inputs) that differ in more than their channels")
    }
    return [inputs.map { $0[0] }.reduce(0, +)] + first.dropFirst()
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    Tensor.concatenated(inputs, axis: 1)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  public func channels(of site: ChannelSite, _ ties: inout Ties) -> [Channel] { site.inputs.flatMap { $0 } }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], _ parameters: NodeParameters) -> [ChannelValue] {
    inputs.flatMap { $0 }
  }
}
