import Torch

/// A network made ready to be used rather than trained: batch norms folded, convolutions packed, and the addition and
/// the ReLU behind a convolution done in its pass.
///
/// It computes what the network computes, up to rounding in float32. Proofs use `Execution`, which does what is written.
public struct Inference: Sendable {
  private enum Work: Sendable {
    case operation(any Operation, NodeParameters)
    case convolution(PackedConvolution)
  }

  private struct Step: Sendable {
    var work: Work
    var inputs: [Int]
    var output: Int
    /// Values that no later step reads.
    var finished: [Int] = []
  }

  private var steps: [Step] = []
  private let slots: Int
  private let outputSlot: Int

  /// - Parameter batch: the usual number of images, for which the order of weights is chosen.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, batch: Int = 1) throws {
    let network = try network.foldingBatchNorm()
    let shapes = try network.validate()
    let fusions = PackedConvolution.isAvailable ? Fusions(network, shapes) : Fusions()
    var slot = [Network.inputName: 0]
    for node in network.nodes where fusions.absorbed[node.name] == nil { slot[node.name] = slot.count }
    // A value inside a fusion is that of its last node, for whoever reads that.
    for (inner, last) in fusions.absorbed { slot[inner] = slot[last] }
    for node in network.nodes {
      var inputs = node.inputs
      let work: Work
      if let fusion = fusions.convolutions[node.name], let convolution = node.operation as? Convolution,
        let weight = network.parameter(.weight, of: node)
      {
        let shape = [batch] + (shapes[node.inputs[0]] ?? [])
        work = .convolution(
          PackedConvolution(
            weight: weight, bias: network.parameter(.bias, of: node), convolution.geometry, relu: fusion.relu,
            input: shape))
        inputs += [fusion.addend].compactMap(\.self)
      } else if fusions.absorbed[node.name] == nil, !fusions.lasts.contains(node.name) {
        work = .operation(
          node.operation,
          NodeParameters { role in
            network.parameter(role, of: node).map { $0.shape.count == 4 ? $0.channelsLast : $0 }
          })
      } else {
        continue
      }
      steps.append(Step(work: work, inputs: inputs.map { slot[$0] ?? 0 }, output: slot[node.name] ?? 0))
    }
    slots = slot.count
    outputSlot = slot[network.output] ?? 0
    findFinished()
  }

  /// The network's result for N×C×H×W images, without recording gradients.
  public func callAsFunction(_ images: Tensor) -> Tensor {
    withoutGradients {
      var values = [Tensor?](repeating: nil, count: slots)
      values[0] = images
      var context = RunContext(mode: .evaluation, generator: nil)
      for step in steps {
        let inputs = step.inputs.map { slot -> Tensor in
          guard let value = values[slot] else { preconditionFailure("value \(slot) is read before it is made") }
          return value
        }
        switch step.work {
        case .operation(let operation, let parameters):
          values[step.output] = operation.run(inputs, parameters, &context)
        case .convolution(let convolution):
          values[step.output] = convolution(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil)
        }
        for slot in step.finished { values[slot] = nil }
      }
      guard let result = values[outputSlot] else { preconditionFailure("the output was never made") }
      return result
    }
  }

  private mutating func findFinished() {
    var last: [Int: Int] = [:]
    for (index, step) in steps.enumerated() {
      for slot in step.inputs { last[slot] = index }
    }
    for (slot, index) in last where slot != outputSlot { steps[index].finished.append(slot) }
  }
}

/// Which nodes are computed in the pass of a convolution.
private struct Fusions {
  struct Fusion {
    /// What is added to the convolution's result.
    var addend: String?
    var relu = false
  }

  /// By the convolution's name.
  var convolutions: [String: Fusion] = [:]
  /// Nodes whose value is never seen, with the last node of their fusion.
  var absorbed: [String: String] = [:]
  /// The last nodes of fusions of more than one.
  var lasts: Set<String> = []

  init() {}

  init(_ network: Network, _ shapes: [String: [Int]]) {
    let constants = network.constantValues
    let order = Dictionary(uniqueKeysWithValues: network.nodes.enumerated().map { ($1.name, $0) })
    for node in network.nodes where node.operation is Convolution && network.isFloat(node) {
      var (fusion, chain) = (Fusion(), [node])
      if let sum = network.soleReader(of: node), let addend = network.addend(to: node, in: sum, shapes),
        // What is stored has a batch of one, which the convolution's pass does not spread.
        !constants.contains(addend),
        // What is added has to be there before, so the later of two convolutions takes the sum.
        addend == Network.inputName || order[addend, default: .max] < order[node.name, default: 0]
      {
        fusion.addend = addend
        chain.append(sum)
      }
      if let last = chain.last, let next = network.soleReader(of: last), next.operation as? Activation == .relu {
        fusion.relu = true
        chain.append(next)
      }
      convolutions[node.name] = fusion
      guard let last = chain.last, chain.count > 1 else { continue }
      lasts.insert(last.name)
      for inner in chain.dropLast() { absorbed[inner.name] = last.name }
    }
  }
}

extension Network {
  fileprivate func isFloat(_ node: Node) -> Bool {
    parameter(.weight, of: node)?.dtype == .float32 && parameter(.bias, of: node).map { $0.dtype == .float32 } ?? true
  }

  /// The one node that reads the value, where nothing else does and it is not the output.
  fileprivate func soleReader(of node: Node) -> Node? {
    let found = readers(of: node.name)
    return found.count == 1 && node.name != output ? found[0] : nil
  }

  /// What `sum` adds to the value of `node`, if it is one other value of the same shape.
  fileprivate func addend(to node: Node, in sum: Node, _ shapes: [String: [Int]]) -> String? {
    guard sum.operation as? Elementwise == .add, sum.inputs.count == 2 else { return nil }
    let others = sum.inputs.filter { $0 != node.name }
    guard others.count == 1, shapes[others[0]] == shapes[node.name] else { return nil }
    return others[0]
  }
}
