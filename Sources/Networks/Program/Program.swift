import Torch

/// A network made ready to run: instructions in order, values let go after their last use.
///
/// Names are resolved and weights packed once, when it is made; the network as a value knows nothing of it.
public struct Program: Sendable {
  /// What it computes, in order.
  public let instructions: [Instruction]
  /// Names of the parameters in the order in which `run` takes them; packed weights are not among them.
  public let parameterNames: [String]
  /// Those of the network, in that order.
  public let parameters: [Tensor]
  private let calls: [PreparedCall]
  private let slots: Slots
  private let chunks: BatchChunks?

  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, _ lowering: Lowering) throws {
    let lowered = try network.lowered(lowering)
    let (network, instructions) = (lowered.network, lowered.instructions)
    let packed = instructions.map { lowered.packed($0, lowering) }
    let used = Set(zip(instructions, packed).filter { $1 == nil }.flatMap { $0.0.nodes }.flatMap(\.parameters.values))
    let names = network.parameterNames.filter(used.contains)
    let positions = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let calls = instructions.calls(output: network.output) { packed[$0]?.isDirect ?? false }
    self.instructions = instructions
    self.calls = calls.map { PreparedCall($0, instructions, packed, positions) }
    slots = Slots(calls.map { (inputs: $0.inputs, result: $0.result) }, output: network.output)
    parameterNames = names
    parameters = names.compactMap { network.parameters[$0] }.map { lowering.isInference ? $0.kernelChannelsLast : $0 }
    chunks = lowering.isInference ? BatchChunks(lowered) : nil
  }

  /// What a run gives.
  public struct Result {
    public var output: Tensor
    /// New running statistics, by position in `parameterNames`; empty in evaluation.
    public var statistics: [(index: Int, value: Tensor)]
  }

  /// Runs the program on a batch of N×C×H×W images.
  ///
  /// State is returned, not written: batch norm hands its new running statistics back.
  ///
  /// - Parameters:
  ///   - parameters: in the order of `parameterNames`.
  ///   - reading: told the position of each call's first instruction before it runs, and what the call reads.
  ///   - finished: told the position of each instruction when it is done, for whoever measures times.
  public func run(
    _ batch: Tensor, parameters: [Tensor], mode: Mode, generator: Generator? = nil,
    reading: ((Int, [Tensor]) -> Void)? = nil, finished: ((Int) -> Void)? = nil
  ) -> Result {
    var values = Slots.Values(slots, input: batch)
    // A batch norm that is applied twice goes on from its own new statistics.
    var parameters = parameters
    var statistics: [(index: Int, value: Tensor)] = []
    var context = RunContext(mode: mode, generator: generator)
    for (position, call) in calls.enumerated() {
      let inputs = values.read(by: position)
      reading?(call.first, inputs)
      values.finish(position, with: call.run(inputs, parameters, &context, finished))
      guard !context.statistics.isEmpty else { continue }
      for (role, index) in call.parameters {
        guard let new = context.statistics[role] else { continue }
        statistics.append((index: index, value: new))
        parameters[index] = new
      }
      context.statistics = [:]
    }
    return Result(output: values.output, statistics: statistics)
  }

  /// The network's result for N×C×H×W images in evaluation, with its own parameters and without recording gradients.
  ///
  /// In inference threads take chunks of the batch where that pays.
  public func callAsFunction(_ images: Tensor) -> Tensor {
    guard let chunks = chunks?.ranges(of: images.shape[0], threads: Library.threads) else { return whole(images) }
    let parts = withoutGradients {
      chunks.map { images.slice(axis: 0, from: $0.lowerBound, to: $0.upperBound) }
    }
    // The work throws nothing; what remains is that there are no threads to be had.
    guard let results = try? Library.parallel(parts.count, { whole(parts[$0]) }) else { return whole(images) }
    return withoutGradients { Tensor.concatenated(results, axis: 0) }
  }

  /// The same with all images and threads in every instruction.
  public func whole(_ images: Tensor, finished: ((Int) -> Void)? = nil) -> Tensor {
    withoutGradients { run(images, parameters: parameters, mode: .evaluation, finished: finished).output }
  }
}

extension Network {
  /// The network's result for a batch of images in evaluation, without recording gradients.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func callAsFunction(_ batch: Tensor) throws -> Tensor { try Program(self, .training)(batch) }

  /// The network with its parameters on `device`, kernels laid out as images are: channels last.
  public func placed(on device: Device) -> Network {
    var result = self
    result.parameters = parameters.mapValues { $0.to(device).kernelChannelsLast }
    return result
  }
}

extension LoweredNetwork {
  /// The packed convolution of an instruction; nil where it runs as it is.
  fileprivate func packed(_ instruction: Instruction, _ lowering: Lowering) -> PackedConvolution? {
    guard case .inference(let batch) = lowering, instruction.operation.isPacked else { return nil }
    let parameters = instruction.nodes.map { node in NodeParameters { network.parameter($0, of: node) } }
    return instruction.operation.packed(
      parameters, input: [batch] + (instruction.inputs.first.flatMap { shapes[$0] } ?? []))
  }
}

extension Lowering {
  fileprivate var isInference: Bool {
    if case .inference = self { true } else { false }
  }
}

extension Tensor {
  /// A convolution's kernel channels last; anything else as it is.
  fileprivate var kernelChannelsLast: Tensor { shape.count == 4 ? channelsLast : self }
}
