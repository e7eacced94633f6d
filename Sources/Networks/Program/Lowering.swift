import Torch

/// How a network becomes a program.
public enum Lowering: Sendable, Hashable {
  /// One instruction for each node, computed by libtorch alone: what the others are compared with.
  case reference
  /// Batch norm with the addition, the ReLU and the max pooling behind it in one instruction. Gradients are recorded.
  case training
  /// Batch norms folded, convolutions packed, with what follows in the same instruction, and neighbours computed in one
  /// call; float32 on the CPU, up to rounding. The order of weights is chosen for batches of so many images.
  case inference(batch: Int)
}

/// A network after the rewrites of a lowering, which change it, with the instructions that compute it.
public struct LoweredNetwork: Sendable {
  public let network: Network
  public let instructions: [Instruction]
  /// Of every value, by its name.
  public let shapes: [String: [Int]]
}

extension Network {
  /// - Throws: `NetworkError` when the network is not valid.
  public func lowered(_ lowering: Lowering) throws -> LoweredNetwork {
    switch lowering {
    case .reference:
      return LoweredNetwork(network: self, instructions: nodes.map(Instruction.init), shapes: try validate())
    case .training:
      let shapes = try validate()
      return LoweredNetwork(network: self, instructions: fusingBatchNorms(), shapes: shapes)
    case .inference:
      let folded = try foldingBatchNorm()
      // Without oneDNN nothing here can be packed. Of 8 bits the network stays what its file says, node by node.
      guard PackedConvolution.isAvailable, !isQuantized else { return try folded.lowered(.reference) }
      let network = try folded.convolvingShortcuts()
      let shapes = try network.validate()
      return LoweredNetwork(network: network, instructions: network.fusingConvolutions(shapes), shapes: shapes)
    }
  }
}
