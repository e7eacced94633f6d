/// What a network, or a part of it, takes for one image.
public struct Cost: Sendable, Codable, Hashable {
  /// Trainable scalars; running statistics are not counted, as in PyTorch.
  public var parameters: Int
  /// Multiply-accumulates of convolutions, linear layers and matrix products (1 MAC = 2 FLOPs).
  public var macs: Int
  /// Bytes of the values in float32.
  public var activationBytes: Int

  public init(parameters: Int = 0, macs: Int = 0, activationBytes: Int = 0) {
    self.parameters = parameters
    self.macs = macs
    self.activationBytes = activationBytes
  }

  public static func + (a: Cost, b: Cost) -> Cost {
    Cost(
      parameters: a.parameters + b.parameters, macs: a.macs + b.macs,
      activationBytes: a.activationBytes + b.activationBytes)
  }
}

extension Cost: CustomStringConvertible {
  public var description: String { "\(parameters) parameters, \(macs) MACs" }
}

extension Network {
  /// The cost of the whole network; a parameter that two nodes share counts once.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func cost() throws -> Cost { try nodeCosts().map(\.cost).reduce(Cost(), +) }

  /// The cost of each node in execution order.
  public func nodeCosts() throws -> [(node: Node, cost: Cost)] {
    let shapes = try validate()
    var counted = Set<String>()
    return nodes.map { node in
      let output = shapes[node.name] ?? []
      let own = node.parameters.compactMapValues { parameters[$0]?.shape }
      let macs = node.operation.macs(inputs: node.inputs.map { shapes[$0] ?? [] }, output: output, parameters: own)
      let new = node.parameters.filter { $0.key.isTrainable && counted.insert($0.value).inserted }
      let scalars = new.keys.map { own[$0]?.reduce(1, *) ?? 0 }.reduce(0, +)
      return (node, Cost(parameters: scalars, macs: macs, activationBytes: 4 * output.reduce(1, *)))
    }
  }
}
