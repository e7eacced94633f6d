import Torch

/// What an execution runs in one go: a node, or a batch norm with the addition, the ReLU and the pooling behind it.
struct Piece: Sendable {
  enum Work: Sendable {
    case node(any Operation)
    /// relu(norm(first input) + second input, if there is one), or the largest value of each window of it.
    case activatedNorm(BatchNorm, window: [Int] = [1, 1])
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
    case .activatedNorm(let norm, let window):
      norm.runActivated(values[0], adding: values.count > 1 ? values[1] : nil, window: window, parameters, &context)
    }
  }
}

extension Network {
  /// The nodes in execution order; batch norm → ReLU, batch norm → ReLU → max pooling by windows side by side, and batch
  /// norm → addition of two → ReLU are one piece each where nothing else reads the values between.
  ///
  /// A piece stands where its last node stood, so what is added has been made by then.
  func pieces(fusing: Bool) -> [Piece] {
    var reads = [output: 1]
    for name in nodes.flatMap(\.inputs) { reads[name, default: 0] += 1 }
    let byName = Dictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0) })
    var absorbed = Set<String>()

    /// The node that makes `name`, for the one that reads it and nobody else.
    func soleSource(of name: String) -> Node? { reads[name] == 1 ? byName[name] : nil }

    func activated(_ relu: Node) -> Piece? {
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

    func pooled(_ pool: Node) -> Piece? {
      guard case .max(let geometry)? = pool.operation as? Pooling, let window = geometry.windowSideBySide,
        let relu = soleSource(of: pool.inputs[0]), var piece = activated(relu), piece.inputs.count == 1,
        case .activatedNorm(let norm, _) = piece.work
      else { return nil }
      absorbed.insert(relu.name)
      (piece.work, piece.output) = (.activatedNorm(norm, window: window), pool.name)
      return piece
    }

    func fused(_ node: Node) -> Piece? { activated(node) ?? pooled(node) }

    let all = nodes.map { node in
      (fusing ? fused(node) : nil)
        ?? Piece(work: .node(node.operation), inputs: node.inputs, output: node.name, parameters: node.parameters)
    }
    return all.filter { !absorbed.contains($0.output) }
  }
}

extension PoolingGeometry {
  /// The kernel, where windows lie side by side from the upper left corner on and what does not fill one is left out.
  fileprivate var windowSideBySide: [Int]? {
    stride == kernel && padding == [0, 0] && endPadding == [0, 0] && !ceilMode ? kernel : nil
  }
}
