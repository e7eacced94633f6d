import Networks
import Torch

extension Network {
  /// The network without `channels`; what constants contributed to later layers moves into their biases.
  ///
  /// Exact when the channels are removable (see `RemovableChannels`).
  ///
  /// - Parameters:
  ///   - channels: representatives in `coupling` of the channels to remove.
  ///   - coupling: the coupled channels of this network.
  /// - Throws: `NetworkError` when the network is not valid.
  public func narrowed(removing channels: Set<Channel>, _ coupling: ChannelCoupling) throws -> Network {
    guard !channels.isEmpty else { return self }
    return try foldingConstants(of: channels, coupling).resized(coupling) { channels.contains($0) ? 0 : 1 }
  }

  /// The network in which each channel of `coupling`, named by its representative, stands so many times.
  ///
  /// - Throws: `NetworkError` when an operation cannot be resized so.
  func resized(_ coupling: ChannelCoupling, copies: (Channel) -> Int) throws -> Network {
    var result = self
    func places(of channel: Channel) -> Int { copies(coupling.representative(channel)) }
    // Folding may have added biases; they bring no channels of their own, so the numbering is that of `coupling`.
    result.parameters = Self.selecting(parameters, along: try channelCoupling().axes, places)
    result.nodes = nodes.map { node in
      var node = node
      node.operation = node.operation.resized(
        inputs: coupling.read[node.name] ?? [], output: coupling.channels[node.name] ?? [],
        axes: coupling.rules[node.name] ?? ChannelAxes(inputs: [], output: [0]), copies: places)
      return node
    }
    try result.validate()
    return result
  }

  /// `tensors`, of the parameters' names and shapes, with each slice along `axes` as often as its channel stands there.
  static func selecting(
    _ tensors: [String: Tensor], along axes: [OwnedAxis], _ copies: (Channel) -> Int
  ) -> [String: Tensor] {
    var result = tensors
    for axis in axes {
      guard let tensor = result[axis.parameter] else { continue }
      let places = axis.channels.indices.flatMap { Array(repeating: $0, count: copies(axis.channels[$0])) }
      // Two nodes that share a parameter own the same axis twice; it is resized once.
      guard places.count != axis.channels.count, tensor.shape[axis.axis] == axis.channels.count else { continue }
      result[axis.parameter] = tensor.selecting(places, axis: axis.axis).clone
    }
    return result
  }

  /// Moves what constant channels contribute to the layers that read them into the biases of those layers.
  private func foldingConstants(of channels: Set<Channel>, _ coupling: ChannelCoupling) throws -> Network {
    let values = try carriedValues()
    var result = self
    for node in nodes where (node.operation as? any WeightedOperation)?.groups == 1 {
      guard let weight = parameter(.weight, of: node) else { continue }
      let read = zip(coupling.read[node.name]?.first ?? [], values.read[node.name]?.first ?? [])
      let constants = read.map { channel, value -> Double in
        guard channels.contains(coupling.representative(channel)), case .constant(let number) = value else { return 0 }
        return number
      }
      guard constants.contains(where: { $0 != 0 }) else { continue }
      let perInput = weight.to(.float64).flattened(from: 1).reshaped([weight.shape[0], weight.shape[1], -1])
      let sums = perInput.sum(axes: [2])
      let moved = sums.matmul(Tensor(constants, shape: [constants.count, 1])).reshaped([weight.shape[0]])
      let bias = parameter(.bias, of: node)?.to(.float64)
      // A bias that another node uses as well stays that node's as it was.
      result.set(.bias, of: node.name, to: (bias.map { $0 + moved } ?? moved).to(weight.dtype))
    }
    return result
  }
}
