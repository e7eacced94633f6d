import Networks
import Torch

extension Network {
  /// The network with every value that depends on no image computed already: what is left of those are `Stored` nodes
  /// that others read.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  func foldingConstants() throws -> Network {
    try validate()
    let constants = constantValues
    var result = self
    result.nodes = []
    var values: [String: Tensor] = [:]
    var context = RunContext(mode: .evaluation)
    for node in nodes {
      guard constants.contains(node.name) else {
        result.nodes.append(node)
        continue
      }
      values[node.name] = withoutGradients {
        node.operation.run(
          node.inputs.compactMap { values[$0] }, NodeParameters { self.parameter($0, of: node) }, &context)
      }
      guard readers(of: node.name).contains(where: { !constants.contains($0.name) }) else { continue }
      result.nodes.append(result.stored(values[node.name], as: node))
    }
    return result
  }

  /// The node in whose place a value with a batch of one is stored.
  private mutating func stored(_ value: Tensor?, as node: Node) -> Node {
    guard !(node.operation is Stored), let value else { return node }
    var name = "\(node.name).value"
    while parameters[name] != nil { name += "_" }
    parameters[name] = value.reshaped(Array(value.shape.dropFirst()))
    return Node(name: node.name, operation: Stored(), inputs: [], parameters: [.constant: name])
  }
}
