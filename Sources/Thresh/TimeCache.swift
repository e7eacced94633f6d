import Clocks
import Compaction
import Containers
import Datasets
import Foundation
import Torch

/// Times of layers on this machine, kept between commands in the user's cache.
package struct TimeCache {
  /// What times depend on besides the conditions.
  package struct Machine: Codable, Equatable {
    package var processor: String
    package var cores: Int
    package var instructions: String
    var kernels: Kernels
    package var libtorch: String
    /// Another runtime than Thresh's own engine: its name and version, and the command where it is one.
    package var runtime: String?
    /// Raised when layers are computed in another way than they were.
    var engine = 6

    static var here: Machine {
      Machine(
        processor: processorName ?? "unknown", cores: ProcessInfo.processInfo.activeProcessorCount,
        instructions: Library.vectorInstructions, kernels: Kernels.inForce, libtorch: Library.version)
    }

    private static var processorName: String? {
      #if os(macOS)
        var size = 0
        sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
        var bytes = [UInt8](repeating: 0, count: size)
        sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      #else
        let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
      #endif
    }
  }

  /// One machine's times under one set of conditions.
  private struct Entry: Codable {
    var machine: Machine
    var times: LayerTimes
  }

  package let file: URL
  package var machine = Machine.here

  package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    file = URL(filePath: DatasetFinder(environment: environment).cache).appending(path: "times.json")
  }

  /// A clock that gives what is kept and measures what is missing.
  ///
  /// - Parameters:
  ///   - name: who measures.
  ///   - isFresh: whether everything is measured anew.
  ///   - observe: told how far measuring has come, on the thread that asks the clock.
  /// - Throws: `ClockError` when another runtime cannot be asked.
  package func clock(
    _ conditions: TimingConditions, by name: ClockName = .thresh, isFresh: Bool = false,
    observe: @escaping RunObserver = { _ in }
  ) throws -> LayerClock {
    guard name != .thresh else {
      guard conditions.precision != .int8 else {
        throw ClockError("Thresh's own engine does not compute in 8 bits; name another clock, such as onnxruntime")
      }
      return keeping(conditions, isFresh, observe) { conditions, missing in
        let timer = InstructionTimer(conditions)
        var timing = Timing(of: timer.rounds * missing.count, in: nil, observe)
        let threads = Library.threads
        defer { Library.setThreads(threads) }
        return timer.measure(missing) { timing.add($0) }
      }
    }
    let runtime = try RuntimeClock(name, cache: file.deletingLastPathComponent()) { observe(.note($0)) }
    var cache = self
    cache.machine.runtime = if case .command(let command) = name { "\(runtime.name), \(command)" } else { runtime.name }
    var clock = cache.keeping(conditions, isFresh, observe) { conditions, missing in
      var timing = Timing(of: missing.count, in: runtime.name, observe)
      return try runtime.measure(missing, conditions) { timing.add($0) }
    }
    clock.runtime = LayerClock.Runtime(name: runtime.name) { try runtime.measure($0, conditions) }
    return try clock.learningUnitStep()
  }

  private func keeping(
    _ conditions: TimingConditions, _ isFresh: Bool, _ observe: @escaping RunObserver,
    _ measure: @escaping (TimingConditions, [ShapedInstruction]) throws -> LayerTimes
  ) -> LayerClock {
    // A clock may be handed to any thread, but only the one that plans asks it.
    nonisolated(unsafe) let (observe, measure) = (observe, measure)
    // A search asks a hundred times: the file is read once for each of the conditions.
    nonisolated(unsafe) var known: [TimingConditions: LayerTimes] = [:]
    return LayerClock(conditions) { conditions, instructions in
      var times = known[conditions] ?? (isFresh ? LayerTimes(conditions) : kept(conditions))
      let missing = times.missing(instructions)
      known[conditions] = times
      guard !missing.isEmpty else { return times }
      times.milliseconds.merge(try measure(conditions, missing).milliseconds) { $1 }
      known[conditions] = times
      do {
        try keep(times)
      } catch {
        observe(.warning("the times cannot be kept in \(file.path), and are measured again next time: \(error)"))
      }
      return times
    }
  }

  private func kept(_ conditions: TimingConditions) -> LayerTimes {
    entries.first { $0.machine == machine && $0.times.conditions == conditions }?.times ?? LayerTimes(conditions)
  }

  /// Empty where there is no file yet, or none that can be read: times can be measured again.
  private var entries: [Entry] {
    (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode([Entry].self, from: $0) } ?? []
  }

  private func keep(_ times: LayerTimes) throws {
    var all = entries
    let index = all.firstIndex { $0.machine == machine && $0.times.conditions == times.conditions }
    if let index {
      all[index].times.milliseconds.merge(times.milliseconds) { $1 }
    } else {
      all.append(Entry(machine: machine, times: times))
    }
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try AtomicOutput.writeJSON(all, to: file)
  }
}

/// How far a measurement has come.
private struct Timing {
  private var done = 0
  private let count: Int
  private let runtime: String?
  private let observe: RunObserver

  init(of count: Int, in runtime: String?, _ observe: @escaping RunObserver) {
    (self.count, self.runtime, self.observe) = (count, runtime, observe)
    observe(.timing(done: 0, of: count, runtime: runtime))
  }

  mutating func add(_ more: Int) {
    done += more
    observe(.timing(done: done, of: count, runtime: runtime))
  }
}

extension TimingConditions {
  package var description: String {
    let images = batchSize == 1 ? "one image" : "a batch of \(batchSize)"
    return "\(images), \(threads) \(threads == 1 ? "thread" : "threads"), \(precision.rawValue)"
  }
}
