import Networks
import Torch

/// Times instructions on this machine as a network meets them.
///
/// Several take turns, so that the noise of the machine affects all alike. Before each turn what the operation reads is
/// written anew, and memory for what it makes is given back just before: both lie in the cache as if other nodes had
/// just used them, while the weights are as cold as the others' turns left them. All come round several times, since a
/// mood lasts longer than a group's turns; the median is kept.
public struct InstructionTimer: Sendable {
  public var conditions: TimingConditions
  /// How many take turns.
  var group = 24
  /// How often every group comes round.
  public let rounds = 5
  /// Turns in a round at least and at most; between the two they end when all medians are sure.
  var turns = 5...12
  /// The target half-width of a median's interval, relative to it.
  var accuracy = 0.03
  /// Multiply-accumulates of a batch beside which a start of threads is nothing.
  private static let mostChained = 20_000_000

  public init(_ conditions: TimingConditions) { self.conditions = conditions }

  /// Milliseconds of each instruction for one batch.
  ///
  /// - Parameter progress: told how many more turns of instructions are done, of `rounds` for each.
  public func measure(_ instructions: [ShapedInstruction], progress: (Int) -> Void = { _ in }) -> LayerTimes {
    Library.setThreads(conditions.threads)
    // A loop of inference keeps its memory sooner or later; so every turn does from the first on.
    var times = LayerTimes(conditions)
    let wanted = times.missing(instructions)
    var samples = [[Double]](repeating: [], count: wanted.count)
    for _ in 0..<rounds {
      for start in stride(from: 0, to: wanted.count, by: group) {
        let some = start..<min(start + group, wanted.count)
        withoutGradients { conditions.precision { sample(wanted[some], &samples[some]) } }
        progress(some.count)
      }
    }
    for (instruction, own) in zip(wanted, samples) { times[instruction] = own.median }
    return times
  }

  /// Adds one round of a group to its samples.
  private func sample(_ instructions: ArraySlice<ShapedInstruction>, _ samples: inout ArraySlice<[Double]>) {
    let generator = Generator(seed: 0)
    // Those that read the same shape copy the same images.
    var images: [[Int]: Tensor] = [:]
    for shape in instructions.flatMap(\.inputs) where images[shape] == nil {
      images[shape] = image(shape, generator)
    }
    let runs = instructions.map { run($0, images, generator) }
    for run in runs { _ = run() }
    for turn in 1...turns.upperBound {
      for (index, run) in zip(samples.indices, runs) { samples[index].append(run()) }
      if turn >= turns.lowerBound, samples.allSatisfy({ $0.medianSpread < accuracy }) { break }
    }
  }

  /// One turn of an instruction, giving its milliseconds.
  private func run(_ instruction: ShapedInstruction, _ images: [[Int]: Tensor], _ generator: Generator) -> () -> Double
  {
    let sources = instruction.inputs.compactMap { images[$0] }
    let (times, work) = work(instruction, generator)
    func inputs() -> [Tensor] { (0..<times).flatMap { _ in sources.map(\.clone) } }
    let made = work(inputs())
    return {
      let inputs = inputs()
      // A result in memory that nothing touched for long costs what it would not cost in a network: 0.6 of the 7 ms of
      // a ResNet-20, most of it in batch norms and activations.
      _ = made.clone
      let clock = ContinuousClock.now
      _ = work(inputs)
      return clock.elapsedMilliseconds / Double(times)
    }
  }

  /// What an instruction does, with parameters made up; and how many times it is done by one call, for as many sets of
  /// what it reads: convolutions that are computed in a chain start threads once for many.
  private func work(
    _ instruction: ShapedInstruction, _ generator: Generator
  ) -> (times: Int, ([Tensor]) -> Tensor) {
    func packed() -> PackedConvolution? { instruction.packed(generator, conditions.batchSize) }
    guard let convolution = packed() else { return (1, unpacked(instruction, generator)) }
    guard convolution.isDirect else {
      return (1, { inputs in convolution(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil) })
    }
    let times = instruction.macs * conditions.batchSize <= Self.mostChained ? 8 : 1
    let each = instruction.inputs.count
    let steps = (0..<times).map { index in
      ConvolutionChain.Step(
        index == 0 ? convolution : packed() ?? convolution, reading: index * each,
        adding: each > 1 ? index * each + 1 : nil)
    }
    let chain = ConvolutionChain(steps)
    return (times, { chain($0) })
  }

  private func unpacked(_ instruction: ShapedInstruction, _ generator: Generator) -> ([Tensor]) -> Tensor {
    let parameters = instruction.madeUpParameters(generator)
    return { inputs in
      var context = RunContext(mode: .evaluation)
      return instruction.operation.run(inputs, parameters[0], &context)
    }
  }

  /// A batch as the nodes before would hand it on.
  private func image(_ shape: [Int], _ generator: Generator) -> Tensor {
    let batch = Tensor.normal([conditions.batchSize] + shape, using: generator)
    let typed = conditions.precision == .bfloat16 ? batch.to(.bfloat16) : batch
    return shape.count == 3 ? typed.channelsLast : typed
  }
}

extension ShapedInstruction {
  /// Parameters of its shapes, of each operation.
  fileprivate func madeUpParameters(_ generator: Generator) -> [NodeParameters] {
    parameters.map { shapes in
      let tensors = shapes.mapValues { shape in
        let tensor = Tensor.uniform(shape, in: 0.5...1.5, using: generator)
        return shape.count == 4 ? tensor.channelsLast : tensor
      }
      return NodeParameters { tensors[$0] }
    }
  }

  /// Packed, with weights of its own; nil for what runs as it is.
  fileprivate func packed(_ generator: Generator, _ batch: Int) -> PackedConvolution? {
    guard operation.isPacked else { return nil }
    return operation.packed(madeUpParameters(generator), input: [batch] + inputs[0])
  }
}
