import Torch

extension Network {
  /// The nodes in execution order; batch norm → ReLU, batch norm → ReLU → max pooling by windows side by side, and
  /// batch norm → addition of two → ReLU are one instruction each where nothing else reads the values between.
  ///
  /// An instruction stands where its last node stood, so what is added has been made by then.
  func fusingBatchNorms() -> [Instruction] {
    var fusions = Fusions()
    for node in nodes {
      guard let norm = node.operation as? BatchNorm else { continue }
      // Of two batch norms that are added the first takes the sum.
      let epilogue = Epilogue(of: node, in: self) { sum, _ in node.name == sum.inputs.first(where: isSoleBatchNorm) }
      guard epilogue.relu, let relu = epilogue.nodes.last else { continue }
      var (chain, window) = ([node] + epilogue.nodes, [1, 1])
      if epilogue.addend == nil, let pool = soleReader(of: relu), let kernel = pool.windowSideBySide {
        window = kernel
        chain.append(pool)
      }
      let last = chain[chain.count - 1]
      var instruction = Instruction(node)
      instruction.operation = .activatedNorm(norm, window: window)
      instruction.inputs += epilogue.addend.map { [$0] } ?? []
      instruction.result = last.name
      fusions.add(instruction, at: last.name, absorbing: chain.dropLast())
    }
    return fusions.instructions(of: nodes)
  }

  /// Whether the value is a batch norm's that has one reader.
  private func isSoleBatchNorm(_ name: String) -> Bool {
    guard let node = self[name] else { return false }
    return node.keepsStatistics && soleReader(of: node) != nil
  }
}

extension Node {
  /// The kernel of a max pooling whose windows lie side by side from the upper left corner on, where what does not fill
  /// one is left out.
  fileprivate var windowSideBySide: [Int]? {
    guard case .max(let geometry)? = operation as? Pooling, geometry.stride == geometry.kernel,
      geometry.padding == [0, 0], geometry.endPadding == [0, 0], !geometry.ceilMode
    else { return nil }
    return geometry.kernel
  }
}
