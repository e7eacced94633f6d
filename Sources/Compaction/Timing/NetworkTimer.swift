import Networks
import Torch

/// What whole networks take, measured as they run, in the terms of the sum that predicts it.
public struct NetworkTimer: Sendable {
  public var conditions: TimingConditions
  var turns = 9...60

  public init(_ conditions: TimingConditions) { self.conditions = conditions }

  /// Milliseconds of the whole for one batch, and of its instructions with the clock read between them.
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
    /// The node of each instruction.
    let nodes: [String]
    /// A batch as it is used.
    let whole: () -> Void
    /// What one thread does at a time, telling when each instruction is done; on so many threads, and so many times a
    /// batch.
    let parts: (@escaping (Int) -> Void) -> Void
    let threads: Int
    let rounds: Int

    init(_ network: Network, _ conditions: TimingConditions) throws {
      func images(_ count: Int) -> Tensor {
        Tensor.normal([count] + network.inputShape, using: Generator(seed: 0)).channelsLast
      }
      let batch = images(conditions.batchSize)
      let (own, rounds) = conditions.divided(by: try network.batchChunks())
      (threads, self.rounds) = (own.threads, rounds)
      if conditions.precision == .float32 {
        let program = try Program(network, .inference(batch: conditions.batchSize))
        let chunk = images(own.batchSize)
        nodes = program.instructions.map(\.name)
        whole = { _ = program(batch) }
        parts = { _ = program.whole(chunk, finished: $0) }
        return
      }
      // Node by node, as the instructions are timed.
      let program = try Program(network.placed(on: .cpu), .reference)
      func run(_ finished: ((Int) -> Void)?) {
        withoutGradients { conditions.precision { _ = program.whole(batch, finished: finished) } }
      }
      nodes = network.nodes.map(\.name)
      whole = { run(nil) }
      parts = { run($0) }
    }
  }
}
