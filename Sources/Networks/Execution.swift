import Torch

/// A network made ready to run: names resolved to positions once, values let go after their last use.
public struct Execution: Sendable {
  private struct Step: Sendable {
    let piece: Piece
    let parameters: [(role: Role, index: Int)]
  }

  /// Names of the parameters in the order in which `run` takes them.
  public let parameterNames: [String]
  private let steps: [Step]
  private let slots: Slots
  /// How many pieces a run consists of: fewer than nodes where some run as one.
  package var pieceCount: Int { steps.count }

  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network) throws { try self.init(network, fusing: true) }

  /// Decides here, once, which nodes run as one; the network as a value does not know of it.
  ///
  /// - Parameter fusing: false runs every node by itself, as libtorch has it, for comparison.
  package init(_ network: Network, fusing: Bool) throws {
    try network.validate()
    let pieces = network.pieces(fusing: fusing)
    let names = network.parameterNames
    let positions = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    slots = Slots(pieces.map { (inputs: $0.inputs, result: $0.output) }, output: network.output)
    steps = pieces.map { piece in
      Step(piece: piece, parameters: piece.parameters.map { (role: $0.key, index: positions[$0.value] ?? 0) })
    }
    parameterNames = names
  }

  /// What a run in training gives.
  public struct Result {
    public var output: Tensor
    /// New running statistics, by position in `parameterNames`; empty in evaluation.
    public var statistics: [(index: Int, value: Tensor)]
  }

  /// Runs the network on a batch of N×C×H×W images.
  ///
  /// State is returned, not written: batch norm hands its new running statistics back.
  ///
  /// - Parameters:
  ///   - reading: told the position of each piece before it runs, and what it reads.
  ///   - finished: told the position of each piece when it is done, for whoever measures times.
  public func run(
    _ batch: Tensor, parameters: [Tensor], mode: Mode, generator: Generator? = nil,
    reading: ((Int, [Tensor]) -> Void)? = nil, finished: ((Int) -> Void)? = nil
  ) -> Result {
    var values = Slots.Values(slots, input: batch)
    // A batch norm that is applied twice goes on from its own new statistics.
    var parameters = parameters
    var statistics: [(index: Int, value: Tensor)] = []
    var context = RunContext(mode: mode, generator: generator)
    for (position, step) in steps.enumerated() {
      let tensors = NodeParameters { role in step.parameters.first { $0.role == role }.map { parameters[$0.index] } }
      let inputs = values.read(by: position)
      reading?(position, inputs)
      values.finish(position, with: step.piece.run(inputs, tensors, &context))
      finished?(position)
      guard !context.statistics.isEmpty else { continue }
      for (role, index) in step.parameters {
        guard let new = context.statistics[role] else { continue }
        statistics.append((index: index, value: new))
        parameters[index] = new
      }
      context.statistics = [:]
    }
    return Result(output: values.output, statistics: statistics)
  }
}

extension Network {
  /// The network's result for a batch of images in evaluation, without recording gradients.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func callAsFunction(_ batch: Tensor) throws -> Tensor {
    let execution = try Execution(self)
    let tensors = execution.parameterNames.compactMap { parameters[$0] }
    return withoutGradients { execution.run(batch, parameters: tensors, mode: .evaluation).output }
  }
}

extension Network {
  /// The parameters as `execution` takes them, on `device`, kernels laid out as images are: channels last.
  public func parameters(of execution: Execution, on device: Device) -> [Tensor] {
    execution.parameterNames.compactMap { parameters[$0] }.map { tensor in
      let moved = tensor.to(device)
      return moved.shape.count == 4 ? moved.channelsLast : moved
    }
  }
}
