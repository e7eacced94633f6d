/// What a channel carries: the same number everywhere for every image, or something that varies.
public enum ChannelValue: Sendable, Hashable {
  case constant(Double)
  case varying

  func map(_ function: (Double) -> Double) -> ChannelValue {
    guard case .constant(let x) = self else { return .varying }
    return .constant(function(x))
  }
}

/// What the channels of a network's values carry in evaluation.
public struct CarriedValues: Sendable {
  /// By the name of the node that makes the value.
  public fileprivate(set) var made: [String: [ChannelValue]]
  /// What the rules of each node see of its inputs, by the node's name.
  public fileprivate(set) var read: [String: [[ChannelValue]]] = [:]
}

extension Network {
  /// What each channel of each node's value carries in evaluation, by the node's name.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func channelValues() throws -> [String: [ChannelValue]] { try carriedValues().made }

  /// The same, and what the rules of each node see of it.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func carriedValues() throws -> CarriedValues { carriedValues(try validate()) }

  /// - Parameter shapes: of every value, as validation gives them.
  func carriedValues(_ shapes: [String: [Int]]) -> CarriedValues {
    let layout = ChannelLayout(of: self, shapes)
    var values = CarriedValues(made: [Network.inputName: Array(repeating: .varying, count: inputShape[0])])
    for node in nodes {
      let tensors = NodeParameters { self.parameter($0, of: node) }
      let read = layout.read(by: node, of: values.made, shapes) { Array(repeating: .varying, count: $1) }
      values.read[node.name] = read
      values.made[node.name] = node.operation.values(
        of: read, shapes: node.inputs.map { shapes[$0] ?? [] }, axes: layout.rules[node.name] ?? .kept([[0]]), tensors)
    }
    return values
  }
}
