import Foundation
import Torch

/// The Thresh worker of the benchmarks: answers the driver's requests, one line of JSON each (Benchmarks/README.md).
@main
struct Worker {
  private var work: Work?

  static func main() throws {
    var worker = Worker()
    while let line = readLine() {
      let answer = worker.answer(to: Data(line.utf8))
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      FileHandle.standardOutput.write(try encoder.encode(answer) + Data("\n".utf8))
    }
  }

  private mutating func answer(to line: Data) -> Answer {
    do {
      switch try Question(line) {
      case .prepare(let task):
        work = try Work(task)
        let framework = "Thresh, libtorch \(Library.version), \(Library.vectorInstructions)"
        return Answer(ready: true, framework: framework, optimizer: "SGD (fused)")
      case .run:
        guard let work else { throw BenchmarkError("asked to run before any task was given") }
        let clock = ContinuousClock()
        let elapsed = try clock.measure { try work.run() }
        let memory = ProcessMemory.now
        return Answer(seconds: elapsed / .seconds(1), rss_mb: memory?.resident, peak_rss_mb: memory?.peak)
      }
    } catch {
      return Answer(error: "\(error)")
    }
  }
}

/// Why a request cannot be answered, in a sentence.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
