/// Along which axis an operation has the channels of what it reads and of what it makes.
public struct ChannelAxes: Sendable, Equatable {
  public var inputs: [Int]
  public var output: Int

  public init(inputs: [Int], output: Int) { (self.inputs, self.output) = (inputs, output) }

  /// Of an operation that leaves each element where it is.
  static func kept(_ inputs: [Int]) -> ChannelAxes { ChannelAxes(inputs: inputs, output: inputs.first ?? 0) }
}

/// The axes along which the values of a network have their channels.
struct ChannelLayout {
  /// By the name of the node that makes the value, and of the input.
  private(set) var axes = [Network.inputName: 0]
  /// What the rules of each node go by.
  private(set) var rules: [String: ChannelAxes] = [:]

  /// - Parameter shapes: of every value, as validation gives them.
  init(of network: Network, _ shapes: [String: [Int]]) {
    for node in network.nodes {
      let rule = node.operation.channelAxes(
        of: node.inputs.map { axes[$0] ?? 0 }, shapes: node.inputs.map { shapes[$0] ?? [] })
      (rules[node.name], axes[node.name]) = (rule, rule.output)
    }
  }

  /// What the rules of `node` see of the lists that its inputs have along their channels.
  ///
  /// - Parameter replacing: makes a list in place of one along another axis, of as many elements as are asked for.
  func read<Element>(
    by node: Node, of lists: [String: [Element]], _ shapes: [String: [Int]],
    replacing: (_ list: [Element], _ count: Int) -> [Element]
  ) -> [[Element]] {
    let wanted = rules[node.name]?.inputs ?? []
    return zip(node.inputs, wanted).map { name, axis in
      let list = lists[name] ?? []
      guard axes[name] != axis, let shape = shapes[name] else { return list }
      return replacing(list, shape.indices.contains(axis) ? shape[axis] : 1)
    }
  }
}
