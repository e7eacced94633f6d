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
  /// The node that each pass begins with.
  public let nodes: [String]

  /// - Parameter batch: the usual number of images, for which the order of weights is chosen.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, batch: Int = 1) throws {
    // Values come and go with every batch: given back to the system, each would be faulted in again page by page.
    Library.keepFreedMemory()
    let (network, passes) = try network.passes()
    let shapes = try network.validate()
    var slot = [Network.inputName: 0]
    for (index, pass) in passes.enumerated() {
      slot[pass.result] = index + 1
      let shape = [batch] + (pass.inputs.first.flatMap { shapes[$0] } ?? [])
      steps.append(
        Step(
          work: Self.work(pass, of: network, input: shape), inputs: pass.inputs.map { slot[$0] ?? 0 },
          output: index + 1))
    }
    nodes = passes.map(\.node.name)
    slots = passes.count + 1
    outputSlot = slot[network.output] ?? 0
    findFinished()
  }

  private static func work(_ pass: Pass, of network: Network, input shape: [Int]) -> Work {
    let node = pass.node
    if let fusion = pass.fusion, let convolution = node.operation as? Convolution,
      let weight = network.parameter(.weight, of: node)
    {
      return .convolution(
        PackedConvolution(
          weight: weight, bias: network.parameter(.bias, of: node), convolution.geometry, relu: fusion.relu,
          input: shape))
    }
    return .operation(
      node.operation,
      NodeParameters { role in
        network.parameter(role, of: node).map { $0.shape.count == 4 ? $0.channelsLast : $0 }
      })
  }

  /// The network's result for N×C×H×W images, without recording gradients.
  ///
  /// - Parameter finished: told the position of each pass when it is done, for whoever measures times.
  public func callAsFunction(_ images: Tensor, finished: ((Int) -> Void)? = nil) -> Tensor {
    withoutGradients {
      var values = [Tensor?](repeating: nil, count: slots)
      values[0] = images
      var context = RunContext(mode: .evaluation)
      for (index, step) in steps.enumerated() {
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
        finished?(index)
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
