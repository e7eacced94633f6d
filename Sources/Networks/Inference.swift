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

  private let steps: [Work]
  private let slots: Slots
  private let share: BatchShare?
  /// The node of each pass; of a pair, the second.
  public let nodes: [String]

  /// - Parameter batch: the usual number of images, for which the order of weights is chosen.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, batch: Int = 1) throws {
    // Values come and go with every batch: given back to the system, each would be faulted in again page by page.
    Library.keepFreedMemory()
    let (network, passes) = try network.passes()
    let shapes = try network.validate()
    steps = passes.map { pass in
      Self.work(pass, of: network, input: [batch] + (pass.inputs.first.flatMap { shapes[$0] } ?? []))
    }
    share = BatchShare(network, passes, shapes)
    slots = Slots(passes.map { (inputs: $0.inputs, result: $0.result) }, output: network.output)
    nodes = passes.map(\.node.name)
  }

  private static func work(_ pass: Pass, of network: Network, input shape: [Int]) -> Work {
    let node = pass.node
    if let fusion = pass.fusion, let own = network.part(node) {
      if let first = pass.before.flatMap({ network.part($0) }) {
        return .convolution(PackedConvolution(first, own, relu: fusion.relu))
      }
      return .convolution(PackedConvolution(own, relu: fusion.relu, input: shape))
    }
    return .operation(
      node.operation,
      NodeParameters { role in
        network.parameter(role, of: node).map { $0.shape.count == 4 ? $0.channelsLast : $0 }
      })
  }

  /// The network's result for N×C×H×W images, without recording gradients.
  public func callAsFunction(_ images: Tensor) -> Tensor {
    guard let shares = share?.ranges(of: images.shape[0], threads: Library.threads) else { return run(images) }
    let parts = withoutGradients {
      shares.map { images.slice(axis: 0, from: $0.lowerBound, to: $0.upperBound) }
    }
    // The work throws nothing; what remains is that there are no threads to be had.
    guard let results = try? Library.parallel(parts.count, { run(parts[$0]) }) else { return run(images) }
    return withoutGradients { Tensor.concatenated(results, axis: 0) }
  }

  /// The same with all images and threads in every pass.
  ///
  /// - Parameter finished: told the position of each pass when it is done, for whoever measures times.
  public func run(_ images: Tensor, finished: ((Int) -> Void)? = nil) -> Tensor {
    withoutGradients {
      var values = Slots.Values(slots, input: images)
      var context = RunContext(mode: .evaluation)
      for (position, work) in steps.enumerated() {
        let inputs = values.read(by: position)
        switch work {
        case .operation(let operation, let parameters):
          values.finish(position, with: operation.run(inputs, parameters, &context))
        case .convolution(let convolution):
          values.finish(position, with: convolution(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil))
        }
        finished?(position)
      }
      return values.output
    }
  }
}

extension Network {
  /// A convolution as it is made ready; nil for any other node.
  fileprivate func part(_ node: Node) -> PackedConvolution.Part? {
    guard let convolution = node.operation as? Convolution, let weight = parameter(.weight, of: node) else {
      return nil
    }
    return PackedConvolution.Part(weight: weight, bias: parameter(.bias, of: node), convolution.geometry)
  }
}
