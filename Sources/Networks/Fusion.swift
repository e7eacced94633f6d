import Torch

/// What an execution runs in one go: a node, or a batch norm with the addition and the ReLU behind it.
struct Piece: Sendable {
  enum Work: Sendable {
    case node(any Operation)
    /// relu(norm(first input) + second input, if there is one).
    case activatedNorm(BatchNorm)
  }

  var work: Work
  /// Names of the values it reads.
  var inputs: [String]
  /// The name of the value it makes.
  var output: String
  var parameters: [Role: String]

  func run(_ values: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    switch work {
    case .node(let operation): operation.run(values, parameters, &context)
    case .activatedNorm(let norm):
      norm.runActivated(values[0], adding: values.count > 1 ? values[1] : nil, parameters, &context)
    }
  }
}

extension Network {
  /// The nodes in execution order; batch norm → ReLU and batch norm → addition of two → ReLU are one piece each where
  /// nothing else reads the values between.
  ///
  /// A piece stands where its ReLU stood, so what is added has been made by then.
  func pieces(fusing: Bool) -> [Piece] {
    var reads = [output: 1]
    for name in nodes.flatMap(\.inputs) { reads[name, default: 0] += 1 }
    let byName = Dictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0) })
    var absorbed = Set<String>()

    /// The node that makes `name`, for the one that reads it and nobody else.
    func soleSource(of name: String) -> Node? { reads[name] == 1 ? byName[name] : nil }

    func fused(_ relu: Node) -> Piece? {
      guard relu.operation as? Activation == .relu, let source = soleSource(of: relu.inputs[0]) else { return nil }
      var chain = [source]
      var (norm, added) = (source, [String]())
      if source.operation as? Elementwise == .add, source.inputs.count == 2 {
        let position = source.inputs.firstIndex { soleSource(of: $0)?.operation is BatchNorm }
        guard let position, let operand = soleSource(of: source.inputs[position]) else { return nil }
        (norm, added) = (operand, [source.inputs[1 - position]])
        chain.append(norm)
      }
      guard let batchNorm = norm.operation as? BatchNorm else { return nil }
      absorbed.formUnion(chain.map(\.name))
      return Piece(
        work: .activatedNorm(batchNorm), inputs: norm.inputs + added, output: relu.name, parameters: norm.parameters)
    }

    let all = nodes.map { node in
      (fusing ? fused(node) : nil)
        ?? Piece(work: .node(node.operation), inputs: node.inputs, output: node.name, parameters: node.parameters)
    }
    return all.filter { !absorbed.contains($0.output) }
  }
}
