import Torch

/// A parameter, or a number of the network's definition, that is read like a value: a layer scale, a class token, a
/// mask.
///
/// It is the same for every image. As `weight` it is trained, as `constant` it is not.
public struct Stored: Operation, Hashable {
  public static let kind = "stored"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 0)
    guard parameters.count == 1, let shape = parameters[.weight] ?? parameters[.constant], !shape.isEmpty else {
      throw NetworkError("has parameters \(parameters.keys.sorted().map(\.rawValue)), expected one weight or constant")
    }
    return shape
  }

  /// A batch of one, which is spread over the images'.
  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let value = parameters[.weight] ?? parameters.required(.constant)
    return value.reshaped([1] + value.shape)
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// Channels are along the first axis of more than one element.
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    ChannelAxes(inputs: [], output: [result.firstIndex { $0 > 1 } ?? 0])
  }

  /// Slices along that axis follow the channels they are added to or multiplied with.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard site.count > 1 else { return coupling.makeFrozenChannels(1) }
    let channels = coupling.makeChannels(site.count)
    coupling.own(site.parameters[.weight], axis: site.axes.output[0], channels, as: .follower)
    coupling.own(site.parameters[.constant], axis: site.axes.output[0], channels, as: .statistic)
    return channels
  }

  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] {
    let value = parameters[.weight] ?? parameters.required(.constant)
    // Whatever is in front of the axis has one element.
    let (numbers, count) = (value.doubles, value.shape[axes.output[0]])
    let width = max(1, numbers.count / count)
    return (0..<count).map { channel in
      let own = numbers[channel * width..<(channel + 1) * width]
      guard let first = own.first, own.allSatisfy({ $0 == first }) else { return .varying }
      return .constant(first)
    }
  }
}
