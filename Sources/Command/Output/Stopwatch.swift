import Thresh

/// How long networks take, measured in turns so that the noise of the machine affects all alike.
enum Stopwatch {
  /// Milliseconds for one image of each network: medians over `rounds`.
  static func millisecondsPerImage(_ networks: [Network], batch: Int, rounds: Int) throws -> [Double] {
    let runs = try networks.map { network in
      let program = try Program(network, .inference(batch: batch))
      let images = Tensor.normal([batch] + network.inputShape, using: Generator(seed: 0)).channelsLast
      return { _ = program(images) }
    }
    for run in runs { run() }
    var times = [[Double]](repeating: [], count: runs.count)
    for _ in 0..<rounds {
      for (index, run) in runs.enumerated() {
        let clock = ContinuousClock()
        let elapsed = clock.measure(run)
        times[index].append(Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) * 1e-15)
      }
    }
    return times.map { $0.sorted()[$0.count / 2] / Double(batch) }
  }
}
