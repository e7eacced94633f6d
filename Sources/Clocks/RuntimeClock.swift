import Compaction
import Foundation
import Interchange
import Networks
import Torch

/// A runtime as a clock: instructions and networks are written as ONNX files, which a `ClockProgram` times.
///
/// A clock may be handed to any thread, but only the one that plans asks it.
public final class RuntimeClock: @unchecked Sendable {
  /// The runtime's name and version.
  public let name: String
  private let program: ClockProgram

  /// How many files take turns.
  private static let group = 24

  /// Starts the clock.
  ///
  /// - Parameters:
  ///   - clock: a runtime or a command.
  ///   - cache: where environments of runtimes are made.
  ///   - note: told what takes a while.
  /// - Throws: `ClockError` when it cannot be started.
  public init(
    _ clock: ClockName, cache: URL, environment: [String: String] = ProcessInfo.processInfo.environment,
    note: (String) -> Void = { _ in }
  ) throws {
    let patience = try Self.patience(environment)
    switch clock {
    case .thresh: preconditionFailure("Thresh's own engine is no other runtime")
    case .command(let command):
      program = ClockProgram(name: "the clock “\(command)”", arguments: ["sh", "-c", command], patience: patience)
    case .runtime(let runtime):
      let python = try withoutActuallyEscaping(note) { note in
        try PythonRuntime(
          runtime: runtime, environment: environment, folder: cache.appending(path: "clocks/\(runtime.rawValue)"),
          note: note
        ).python()
      }
      let script = String(decoding: PackageResources.clock_py, as: UTF8.self)
      program = ClockProgram(
        name: "the clock of \(runtime.rawValue)", arguments: [python, "-c", script, runtime.rawValue],
        patience: patience)
    }
    name = try program.answer(ClockRequest(models: [], batch: 1, threads: 1, precision: "float32")).runtime ?? ""
  }

  /// Seconds for which a clock may say nothing.
  private static func patience(_ environment: [String: String]) throws -> Double {
    guard let text = environment["THRESH_CLOCK_SECONDS"], !text.isEmpty else { return 300 }
    guard let seconds = Double(text), seconds > 0, seconds < 1e6 else {
      throw ClockError("THRESH_CLOCK_SECONDS is \(text), expected a number of seconds above 0")
    }
    return seconds
  }

  /// Milliseconds of each instruction for one batch, without what a start of the runtime takes.
  ///
  /// - Parameter progress: told how many more instructions are done.
  /// - Throws: `ClockError`, `NetworkError`.
  public func measure(
    _ instructions: [ShapedInstruction], _ conditions: TimingConditions, progress: (Int) -> Void = { _ in }
  ) throws -> LayerTimes {
    var times = LayerTimes(conditions)
    let missing = times.missing(instructions)
    for start in stride(from: 0, to: missing.count, by: Self.group) {
      let some = Array(missing[start..<min(start + Self.group, missing.count)])
      // What reads nothing is there before any image.
      let read = some.filter { !$0.inputs.isEmpty }
      let files = try [ONNXFragment.empty] + read.map { try ONNXFragment($0, conditions.precision) }
      let milliseconds = try self.milliseconds(files, conditions, progress: progress)
      for instruction in some { times[instruction] = 0 }
      for (instruction, own) in zip(read, milliseconds.dropFirst()) {
        times[instruction] = max(0, own - milliseconds[0])
      }
    }
    return times
  }

  /// Milliseconds of whole networks that take turns, for one batch.
  ///
  /// - Throws: `ClockError`, `NetworkError`.
  public func measure(_ networks: [Network], _ conditions: TimingConditions) throws -> [Double] {
    let deployed = try networks.map { network in
      try conditions.precision == .int8 ? network.quantizedForTiming() : network.foldingBatchNorm()
    }
    return try milliseconds(deployed.map { try ONNXFragment($0) }, conditions)
  }

  private func milliseconds(
    _ fragments: [ONNXFragment], _ conditions: TimingConditions, progress: (Int) -> Void = { _ in }
  ) throws -> [Double] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "thresh-clock-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let paths = try fragments.enumerated().map { index, fragment in
      let file = folder.appending(path: "\(index).onnx")
      try fragment.data.write(to: file)
      return file.path
    }
    let request = ClockRequest(
      models: paths, batch: conditions.batchSize, threads: conditions.threads, precision: conditions.precision.rawValue)
    var done = 0
    let answer = try program.answer(request) { count in
      done += count
      progress(count)
    }
    progress(max(0, fragments.count - done))
    return (answer.times ?? []).map(\.milliseconds)
  }
}

extension Network {
  /// The network in 8 bits, its ranges those of random images: what it takes does not depend on them.
  fileprivate func quantizedForTiming() throws -> Network {
    var quantizer = try Quantizer(self, QuantizationSettings())
    let images = Tensor.normal([2] + inputShape, using: Generator(seed: 0))
    for pass in [Quantizer.Pass.ranges, .counts] { quantizer.add(images, pass) }
    return try quantizer.network(by: .minMax)
  }
}
