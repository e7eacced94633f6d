import Torch

/// One step of a network that is used: a node, with what else is done in the same pass.
public struct Pass: Sendable {
  /// What is done behind a packed convolution in its pass.
  public struct Fusion: Sendable, Hashable {
    /// Whether a value of the result's shape is added.
    public var adds: Bool
    public var relu: Bool

    public init(adds: Bool = false, relu: Bool = false) {
      self.adds = adds
      self.relu = relu
    }
  }

  public var node: Node
  /// A convolution that is done first, whose value nothing else reads: the first of a pair of factors.
  public var before: Node?
  /// What it reads, from outside; a value to be added comes last.
  public var inputs: [String]
  /// The name under which its result is read.
  public var result: String
  /// Nil for an operation that runs as it is.
  public var fusion: Fusion?
}

extension Network {
  /// The network as it is used, and its passes: batch norms folded, shortcuts without weights made convolutions, what
  /// follows a convolution done with it.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func passes() throws -> (network: Network, passes: [Pass]) {
    let folded = try foldingBatchNorm()
    guard PackedConvolution.isAvailable else { return (folded, folded.nodes.map(\.pass)) }
    let network = try folded.convolvingShortcuts()
    let fusions = Fusions(network, try network.validate())
    return (network, network.nodes.compactMap(fusions.pass))
  }
}

extension Node {
  /// The node by itself.
  public var pass: Pass { Pass(node: self, inputs: inputs, result: name) }
}

/// Which nodes are computed in the pass of a convolution.
private struct Fusions {
  /// By the convolution's name.
  private var passes: [String: Pass] = [:]
  /// Nodes behind a convolution that are done in its pass.
  private var done: Set<String> = []

  init(_ network: Network, _ shapes: [String: [Int]]) {
    let constants = network.constantValues
    let order = Dictionary(uniqueKeysWithValues: network.nodes.enumerated().map { ($1.name, $0) })
    for node in network.nodes where node.operation is Convolution && network.isFloat(node) {
      var (pass, fusion, chain) = (node.pass, Pass.Fusion(), [node])
      if let sum = network.soleReader(of: node), let addend = network.addend(to: node, in: sum, shapes),
        // What is stored has a batch of one, which the convolution's pass does not spread.
        !constants.contains(addend), !constants.contains(node.name),
        // What is added has to be there before, so the later of two convolutions takes the sum.
        addend == Network.inputName || order[addend, default: .max] < order[node.name, default: 0]
      {
        fusion.adds = true
        pass.inputs.append(addend)
        chain.append(sum)
      }
      if let last = chain.last, let next = network.soleReader(of: last), next.operation as? Activation == .relu {
        fusion.relu = true
        chain.append(next)
      }
      pass.fusion = fusion
      pass.result = chain.last?.name ?? node.name
      if let first = passes[node.inputs[0]], network.joins(first, node) {
        pass.before = first.node
        pass.inputs[0] = first.inputs[0]
        done.insert(first.node.name)
      }
      passes[node.name] = pass
      done.formUnion(chain.dropFirst().map(\.name))
    }
  }

  /// Nil for a node that is done in another's pass.
  func pass(_ node: Node) -> Pass? { done.contains(node.name) ? nil : passes[node.name] ?? node.pass }
}

extension Network {
  fileprivate func isFloat(_ node: Node) -> Bool {
    parameter(.weight, of: node)?.dtype == .float32 && parameter(.bias, of: node).map { $0.dtype == .float32 } ?? true
  }

  /// Whether two convolutions are factors of one that are done in one pass.
  fileprivate func joins(_ first: Pass, _ second: Node) -> Bool {
    guard first.before == nil, nextFactor(after: first.node)?.name == second.name,
      let a = first.node.operation as? Convolution, let b = second.operation as? Convolution,
      let own = parameter(.weight, of: first.node), let next = parameter(.weight, of: second)
    else { return false }
    return PackedConvolution.joins(own.shape, a.geometry, next.shape, b.geometry)
  }

  /// What `sum` adds to the value of `node`, if it is one other value of the same shape.
  fileprivate func addend(to node: Node, in sum: Node, _ shapes: [String: [Int]]) -> String? {
    guard sum.operation as? Elementwise == .add, sum.inputs.count == 2 else { return nil }
    let others = sum.inputs.filter { $0 != node.name }
    guard others.count == 1, shapes[others[0]] == shapes[node.name] else { return nil }
    return others[0]
  }
}
