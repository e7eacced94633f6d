import Torch

/// What follows a node and can be done in the same instruction: an addition, then a ReLU.
///
/// A node belongs to it only if nothing else reads the value before.
struct Epilogue {
  /// The value that is added.
  private(set) var addend: String?
  private(set) var relu = false
  /// Its nodes, in their order.
  private(set) var nodes: [Node] = []

  /// - Parameter adds: whether the node takes an addition, of the value with this name.
  init(of node: Node, in network: Network, adds: (_ sum: Node, _ addend: String) -> Bool) {
    if let sum = network.soleReader(of: node), let other = sum.otherOperand(than: node.name), adds(sum, other) {
      addend = other
      nodes.append(sum)
    }
    if let next = network.soleReader(of: nodes.last ?? node), next.operation as? Activation == .relu {
      relu = true
      nodes.append(next)
    }
  }
}

extension Node {
  /// Of an addition of two values, the one that is not `name`.
  fileprivate func otherOperand(than name: String) -> String? {
    guard operation as? Elementwise == .add, inputs.count == 2 else { return nil }
    let others = inputs.filter { $0 != name }
    return others.count == 1 ? others[0] : nil
  }
}

/// Instructions that fusions have made so far, by the nodes that they stand for.
struct Fusions {
  /// By the name of the node in whose place it stands.
  private var instructions: [String: Instruction] = [:]
  /// Nodes that are done in another's instruction.
  private var absorbed: Set<String> = []

  subscript(name: String) -> Instruction? { instructions[name] }

  /// - Parameter nodes: those whose values nobody else sees any more.
  mutating func add(_ instruction: Instruction, at name: String, absorbing nodes: some Sequence<Node>) {
    instructions[name] = instruction
    absorbed.formUnion(nodes.map(\.name))
  }

  /// The instructions of a network's nodes in their order; a node that nothing was fused with stands by itself.
  func instructions(of nodes: [Node]) -> [Instruction] {
    nodes.compactMap { absorbed.contains($0.name) ? nil : instructions[$0.name] ?? Instruction($0) }
  }
}
