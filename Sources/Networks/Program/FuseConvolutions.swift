import Torch

extension Network {
  /// The nodes in execution order; a convolution of float32 is packed and takes along the addition and the ReLU behind
  /// it, and a pair of factors is one instruction where that is faster.
  ///
  /// An instruction stands where its convolution stood.
  ///
  /// - Parameter shapes: of every value, as validation gives them.
  func fusingConvolutions(_ shapes: [String: [Int]]) -> [Instruction] {
    let constants = constantValues
    let order = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1.name, $0) })
    var fusions = Fusions()
    for (position, node) in nodes.enumerated() {
      guard let convolution = node.operation as? Convolution, isFloat(node) else { continue }
      let epilogue = Epilogue(of: node, in: self) { _, addend in
        // What is stored has a batch of one, which the convolution does not spread.
        shapes[addend] == shapes[node.name] && !constants.contains(addend) && !constants.contains(node.name)
          // What is added has to be there before, so the later of two convolutions takes the sum.
          && (addend == Network.inputName || order[addend, default: .max] < position)
      }
      var instruction = Instruction(node)
      instruction.operation = .convolution(convolution, relu: epilogue.relu)
      instruction.inputs += epilogue.addend.map { [$0] } ?? []
      instruction.result = epilogue.nodes.last?.name ?? node.name
      var absorbed = epilogue.nodes
      if let first = fusions[node.inputs[0]], let pair = joining(first, instruction) {
        instruction = pair
        absorbed += first.nodes
      }
      fusions.add(instruction, at: node.name, absorbing: absorbed)
    }
    return fusions.instructions(of: nodes)
  }

  /// The two as one instruction, if they are the factors of one layer and that is faster.
  private func joining(_ first: Instruction, _ second: Instruction) -> Instruction? {
    guard first.nodes.count == 1, let own = first.nodes.last, let next = second.nodes.last,
      nextFactor(after: own)?.name == next.name,
      let weight = parameter(.weight, of: own), let nextWeight = parameter(.weight, of: next),
      let operation = FusedOperation.joining(first.operation, weight.shape, second.operation, nextWeight.shape)
    else { return nil }
    var pair = second
    pair.operation = operation
    pair.nodes = [own, next]
    pair.inputs[0] = first.inputs[0]
    return pair
  }

  private func isFloat(_ node: Node) -> Bool {
    parameter(.weight, of: node)?.dtype == .float32 && parameter(.bias, of: node).map { $0.dtype == .float32 } ?? true
  }
}
