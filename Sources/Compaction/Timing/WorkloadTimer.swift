import Networks
import Torch

/// Times operations on this machine as a network meets them.
///
/// Several take turns, so that the machine's moods hit all of them alike. Before each turn what the operation reads is
/// written anew, and memory for what it makes is given back just before: both lie in the cache as if other nodes had just
/// used them, while the weights are as cold as the others' turns left them. All come round several times, since a mood
/// lasts longer than a group's turns; the median is kept.
public struct WorkloadTimer: Sendable {
  public var conditions: TimingConditions
  /// How many take turns.
  var group = 24
  /// How often every group comes round.
  public let rounds = 5
  /// Turns in a round at least and at most; between the two they end when all medians are sure.
  var turns = 5...12
  /// The wished half-width of a median's interval, relative to it.
  var accuracy = 0.03
  /// Multiply-accumulates of a batch beside which a start of threads is nothing.
  private static let mostChained = 20_000_000

  public init(_ conditions: TimingConditions) { self.conditions = conditions }

  /// Milliseconds of each workload for one batch.
  ///
  /// - Parameter progress: told how many more turns of workloads are done, of `rounds` for each.
  public func measure(_ workloads: [Workload], progress: (Int) -> Void = { _ in }) -> LayerTimes {
    Library.setThreads(conditions.threads)
    // A loop of inference keeps its memory sooner or later; so every turn does from the first on.
    var times = LayerTimes(conditions)
    let wanted = times.missing(workloads)
    var samples = [[Double]](repeating: [], count: wanted.count)
    for _ in 0..<rounds {
      for start in stride(from: 0, to: wanted.count, by: group) {
        let some = start..<min(start + group, wanted.count)
        withoutGradients { conditions.precision { sample(wanted[some], &samples[some]) } }
        progress(some.count)
      }
    }
    for (workload, own) in zip(wanted, samples) { times[workload] = own.median }
    return times
  }

  /// Adds one round of a group to its samples.
  private func sample(_ workloads: ArraySlice<Workload>, _ samples: inout ArraySlice<[Double]>) {
    let generator = Generator(seed: 0)
    // Workloads that read the same shape copy the same images.
    var images: [[Int]: Tensor] = [:]
    for shape in workloads.flatMap(\.reads) where images[shape] == nil {
      images[shape] = image(shape, generator)
    }
    let runs = workloads.map { run($0, images, generator) }
    for run in runs { _ = run() }
    for turn in 1...turns.upperBound {
      for (index, run) in zip(samples.indices, runs) { samples[index].append(run()) }
      if turn >= turns.lowerBound, samples.allSatisfy({ $0.medianSpread < accuracy }) { break }
    }
  }

  /// One turn of a workload, giving its milliseconds.
  private func run(_ workload: Workload, _ images: [[Int]: Tensor], _ generator: Generator) -> () -> Double {
    let sources = workload.reads.compactMap { images[$0] }
    let (times, work) = work(workload, generator)
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

  /// What a pass does, as `Inference` has it done, with parameters made up; and how many times it is done by one call, for
  /// as many sets of what it reads: convolutions that are computed in a chain start threads once for many.
  private func work(_ workload: Workload, _ generator: Generator) -> (times: Int, ([Tensor]) -> Tensor) {
    if let packed = workload.packed(generator, conditions.batchSize) {
      guard packed.isDirect else {
        return (1, { inputs in packed(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil) })
      }
      let times = workload.macs * conditions.batchSize <= Self.mostChained ? 8 : 1
      let each = workload.reads.count
      let steps = (0..<times).map { index in
        ConvolutionChain.Step(
          index == 0 ? packed : workload.packed(generator, conditions.batchSize) ?? packed, reading: index * each,
          adding: each > 1 ? index * each + 1 : nil)
      }
      let chain = ConvolutionChain(steps)
      return (times, { chain($0) })
    }
    let parameters = workload.parameters(from: generator)
    let own = NodeParameters { parameters[$0] }
    return (
      1,
      { inputs in
        var context = RunContext(mode: .evaluation)
        return workload.operation.run(inputs, own, &context)
      }
    )
  }

  /// A batch as the nodes before would hand it on.
  private func image(_ shape: [Int], _ generator: Generator) -> Tensor {
    let batch = Tensor.normal([conditions.batchSize] + shape, using: generator)
    let typed = conditions.precision == .bfloat16 ? batch.to(.bfloat16) : batch
    return shape.count == 3 ? typed.channelsLast : typed
  }
}

extension Workload {
  /// Parameters of its shapes.
  fileprivate func parameters(from generator: Generator) -> [Role: Tensor] {
    var result: [Role: Tensor] = [:]
    for (role, shape) in parameters {
      let tensor = Tensor.uniform(shape, in: 0.5...1.5, using: generator)
      result[role] = shape.count == 4 ? tensor.channelsLast : tensor
    }
    return result
  }

  /// As `Inference` makes it ready, with weights of its own; nil for what runs as it is.
  fileprivate func packed(_ generator: Generator, _ batch: Int) -> PackedConvolution? {
    guard let fusion, let own = part(parameters(from: generator)) else { return nil }
    if let before = before.first, let first = before.part(before.parameters(from: generator)) {
      return PackedConvolution(first, own, relu: fusion.relu)
    }
    return PackedConvolution(own, relu: fusion.relu, input: [batch] + inputs[0])
  }

  /// A convolution as it is made ready; nil for any other operation.
  private func part(_ parameters: [Role: Tensor]) -> PackedConvolution.Part? {
    guard let convolution = operation as? Convolution, let weight = parameters[.weight] else { return nil }
    return PackedConvolution.Part(weight: weight, bias: parameters[.bias], convolution.geometry)
  }
}

extension ContinuousClock.Instant {
  var elapsedMilliseconds: Double {
    let (seconds, attoseconds) = duration(to: .now).components
    return Double(seconds) * 1e3 + Double(attoseconds) * 1e-15
  }
}

extension [Double] {
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }

  /// Half of the width of the interval that holds the median with about 95 %, relative to it: from order statistics,
  /// n/2 ± √n.
  var medianSpread: Double {
    let sorted = sorted()
    let reach = Double(count).squareRoot()
    let low = Swift.max(0, Int(Double(count) / 2 - reach))
    let high = Swift.min(count - 1, Int(Double(count) / 2 + reach))
    return median > 0 ? (sorted[high] - sorted[low]) / (2 * median) : 0
  }
}

/// What whole networks take, measured as they run, in the terms of the sum that foretells it.
public struct NetworkTimer: Sendable {
  public var conditions: TimingConditions
  var turns = 9...60

  public init(_ conditions: TimingConditions) { self.conditions = conditions }

  /// Milliseconds of the whole for one batch, and of its nodes with the clock read between them.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func measure(_ network: Network) throws -> (whole: Double, parts: NetworkTime) {
    Library.setThreads(conditions.threads)
    let runs = try Runs(network, conditions)
    var nodes = [[Double]](repeating: [], count: runs.nodes.count)
    for _ in 0..<3 { runs.whole() }
    var wholes: [Double] = []
    for turn in 1...turns.upperBound {
      let start = ContinuousClock.now
      runs.whole()
      wholes.append(start.elapsedMilliseconds)
      Library.setThreads(runs.threads)
      var last = ContinuousClock.now
      runs.parts { position in
        nodes[position].append(last.elapsedMilliseconds * Double(runs.rounds))
        last = .now
      }
      Library.setThreads(conditions.threads)
      if turn >= turns.lowerBound, wholes.medianSpread < 0.02 { break }
    }
    let medians = Dictionary(
      zip(runs.nodes, nodes.map(\.median)), uniquingKeysWith: { first, _ in first })
    return (wholes.median, NetworkTime(network) { medians[$0] ?? 0 })
  }

  /// A network made ready to be timed.
  private struct Runs {
    /// The node of each pass.
    let nodes: [String]
    /// A batch as it is used.
    let whole: () -> Void
    /// What one thread does at a time, telling when each pass is done; on so many threads, and so many times a batch.
    let parts: (@escaping (Int) -> Void) -> Void
    let threads: Int
    let rounds: Int

    init(_ network: Network, _ conditions: TimingConditions) throws {
      func images(_ count: Int) -> Tensor {
        Tensor.normal([count] + network.inputShape, using: Generator(seed: 0)).channelsLast
      }
      let batch = images(conditions.batchSize)
      let (own, rounds) = conditions.shared(try network.batchShare())
      (threads, self.rounds) = (own.threads, rounds)
      if conditions.precision == .float32 {
        let inference = try Inference(network, batch: conditions.batchSize)
        let share = images(own.batchSize)
        nodes = inference.nodes
        whole = { _ = inference(batch) }
        parts = { _ = inference.run(share, finished: $0) }
        return
      }
      // Node by node, as the workloads are timed.
      let execution = try Execution(network, fusing: false)
      let parameters = network.parameters(of: execution, on: .cpu)
      func run(_ finished: ((Int) -> Void)?) {
        withoutGradients {
          conditions.precision {
            _ = execution.run(batch, parameters: parameters, mode: .evaluation, finished: finished)
          }
        }
      }
      nodes = network.nodes.map(\.name)
      whole = { run(nil) }
      parts = { run($0) }
    }
  }
}
