/// What a channel carries: the same number everywhere for every image, or something that varies.
public enum ChannelValue: Sendable, Hashable {
  case constant(Double)
  case varying

  func map(_ function: (Double) -> Double) -> ChannelValue {
    guard case .constant(let x) = self else { return .varying }
    return .constant(function(x))
  }
}

extension Network {
  /// What each channel of each node's value carries in evaluation, by the node's name.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func channelValues() throws -> [String: [ChannelValue]] {
    channelValues(try validate())
  }

  /// - Parameter shapes: of every value, as validation gives them.
  func channelValues(_ shapes: [String: [Int]]) -> [String: [ChannelValue]] {
    var values = [Network.inputName: [ChannelValue](repeating: .varying, count: inputShape[0])]
    for node in nodes {
      let tensors = NodeParameters { self.parameter($0, of: node) }
      values[node.name] = node.operation.values(
        of: node.inputs.map { values[$0] ?? [] }, shapes: node.inputs.map { shapes[$0] ?? [] }, tensors)
    }
    return values
  }
}
