import Torch

/// A network made ready to be used rather than trained: batch norms folded, convolutions packed, the addition and the
/// ReLU behind a convolution done in its pass, and neighbours computed in one call.
///
/// Without kernels of Thresh's own (`Kernels.off`) oneDNN computes the convolutions, each in a call of its own.
/// It computes what the network computes, up to rounding in float32. Proofs use `Execution`, which does what is written.
public struct Inference: Sendable {
  fileprivate enum Work: Sendable {
    case operation(any Operation, NodeParameters)
    case convolution(PackedConvolution)
    case chain(ConvolutionChain)
  }

  private let calls: [(work: Work, passes: Range<Int>)]
  private let slots: Slots
  private let share: BatchShare?
  /// The node of each pass; of a pair, the second.
  public let nodes: [String]

  /// - Parameter batch: the usual number of images, for which the order of weights is chosen.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, batch: Int = 1) throws {
    // Values come and go with every batch: given back to the system, each would be faulted in again page by page.
    let (network, passes) = try network.passes()
    let shapes = try network.validate()
    let works = passes.map { pass in
      Self.work(pass, of: network, input: [batch] + (pass.inputs.first.flatMap { shapes[$0] } ?? []))
    }
    let calls = passes.calls(output: network.output) { works[$0].isDirect }
    self.calls = calls.map { (work: Self.work($0, passes, works), passes: $0.range) }
    slots = Slots(calls.map { (inputs: $0.inputs, result: $0.result) }, output: network.output)
    share = BatchShare(network, passes, shapes)
    nodes = passes.map(\.node.name)
  }

  /// The work of a call: that of its one pass, or of several convolutions.
  private static func work(_ call: PassCall, _ passes: [Pass], _ works: [Work]) -> Work {
    guard call.range.count > 1 else { return works[call.range.lowerBound] }
    var places = Dictionary(uniqueKeysWithValues: call.inputs.enumerated().map { ($1, $0) })
    let steps = call.range.compactMap { index -> ConvolutionChain.Step? in
      guard case .convolution(let convolution) = works[index] else { return nil }
      let read = passes[index].inputs.map { places[$0] ?? 0 }
      places[passes[index].result] = call.inputs.count + index - call.range.lowerBound
      return ConvolutionChain.Step(convolution, reading: read[0], adding: read.count > 1 ? read[1] : nil)
    }
    return .chain(ConvolutionChain(steps))
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
      for (position, call) in calls.enumerated() {
        let inputs = values.read(by: position)
        let first = call.passes.lowerBound
        switch call.work {
        case .operation(let operation, let parameters):
          values.finish(position, with: operation.run(inputs, parameters, &context))
          finished?(first)
        case .convolution(let convolution):
          values.finish(position, with: convolution(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil))
          finished?(first)
        case .chain(let chain):
          let told = finished.map { finished in { finished(first + $0) } }
          values.finish(position, with: chain(inputs, finished: told))
        }
      }
      return values.output
    }
  }
}

extension Inference.Work {
  fileprivate var isDirect: Bool {
    if case .convolution(let convolution) = self { convolution.isDirect } else { false }
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
