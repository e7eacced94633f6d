import Compaction
import Containers
import Datasets
import Foundation
import Reports
import Torch

/// Times of layers on this machine, kept between commands in the user's cache.
struct TimeCache {
  /// What times depend on besides the conditions.
  struct Machine: Codable, Equatable {
    var processor: String
    var cores: Int
    var instructions: String
    var kernels: Kernels
    var libtorch: String
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

  let file: URL
  let machine = Machine.here

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    file = URL(filePath: DatasetFinder(environment: environment).cache).appending(path: "times.json")
  }

  /// A clock that gives what is kept and measures what is missing, with its progress shown.
  ///
  /// - Parameter isFresh: whether everything is measured anew.
  func clock(_ conditions: TimingConditions, isFresh: Bool = false) -> LayerClock {
    LayerClock(conditions) { conditions, instructions in
      var times = isFresh ? LayerTimes(conditions) : kept(conditions)
      let missing = times.missing(instructions)
      guard !missing.isEmpty else { return times }
      let timer = InstructionTimer(conditions)
      var bar = ProgressBar("timing layers", total: timer.rounds * missing.count, unit: "layers")
      let threads = Library.threads
      let new = timer.measure(missing) { bar.advance(by: $0) }
      Library.setThreads(threads)
      bar.clear()
      times.milliseconds.merge(new.milliseconds) { $1 }
      keep(times)
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

  /// A cache that cannot be written costs time, nothing else.
  private func keep(_ times: LayerTimes) {
    var all = entries
    let index = all.firstIndex { $0.machine == machine && $0.times.conditions == times.conditions }
    if let index {
      all[index].times.milliseconds.merge(times.milliseconds) { $1 }
    } else {
      all.append(Entry(machine: machine, times: times))
    }
    do {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try AtomicOutput.writeJSON(all, to: file)
    } catch {
      Console.note("warning: the times cannot be kept in \(file.path), and are measured again next time: \(error)")
    }
  }
}

extension TimingConditions {
  var description: String {
    let images = batchSize == 1 ? "one image" : "a batch of \(batchSize)"
    return "\(images), \(threads) \(threads == 1 ? "thread" : "threads"), \(precision.rawValue)"
  }
}
