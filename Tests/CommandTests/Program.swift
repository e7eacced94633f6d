import Foundation
import Testing

/// The folder of the package.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Programs compute by the kernels that the tests run with.
let kernels = ProcessInfo.processInfo.environment.filter { $0.key == "THRESH_KERNELS" }

/// What a command ended with.
struct Outcome {
  var status: Int32
  /// Whether a signal ended it: a trap, or a kill.
  var wasKilled: Bool
  var output: String
  var errors: String

  var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

  /// The JSON object on standard output.
  func json() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)\(errors)")
  }
}

/// A `thresh` that runs, in an environment without settings of the user's.
final class Program {
  struct TooLong: Error { var arguments: [String] }

  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private let folder: TemporaryFolder
  private let arguments: [String]

  /// - Parameter shell: a command of the shell that comes before, such as a limit.
  init(_ arguments: [String], environment: [String: String] = [:], shell: String? = nil) throws {
    folder = try TemporaryFolder()
    self.arguments = arguments
    let program = root.appending(path: ".build/release/thresh").path
    if let shell {
      process.executableURL = URL(filePath: "/bin/bash")
      process.arguments = ["-c", "\(shell); exec \"$0\" \"$@\"", program] + arguments
    } else {
      process.executableURL = URL(filePath: program)
      process.arguments = arguments
    }
    // One thread, no search for data outside the tests, and no long look at a crash.
    let base = [
      "PATH": "/usr/bin:/bin", "HOME": folder.path, "OMP_NUM_THREADS": "1", "SWIFT_BACKTRACE": "enable=no",
    ]
    process.environment = base.merging(kernels) { $1 }.merging(environment) { _, given in given }
    for (stream, name) in [(1, "output"), (2, "errors")] {
      let file = folder.path + "/" + name
      try Data().write(to: URL(filePath: file))
      let handle = try #require(FileHandle(forWritingAtPath: file))
      if stream == 1 { process.standardOutput = handle } else { process.standardError = handle }
    }
    process.terminationHandler = { [ended] _ in ended.signal() }
    try process.run()
  }

  var isRunning: Bool { process.isRunning }
  var identifier: Int32 { process.processIdentifier }

  func send(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end; a command that hangs, however busy the machine is, is killed and is a failure.
  func wait(seconds: Double = 900) throws -> Outcome {
    if ended.wait(timeout: .now() + seconds) == .timedOut {
      send(SIGKILL)
      throw TooLong(arguments: arguments)
    }
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(filePath: folder.path + "/" + name)), as: UTF8.self)
    }
    return Outcome(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: try text("output"), errors: try text("errors"))
  }
}

/// Runs `thresh` to its end.
func thresh(
  _ arguments: [String], environment: [String: String] = [:], shell: String? = nil
) throws -> Outcome {
  try Program(arguments, environment: environment, shell: shell).wait()
}

/// Runs `thresh` and expects it to succeed.
/// Runs a script of Tests/Interop in the tests' environment of Python, which has to succeed.
func succeedingInPython(
  _ script: String, _ arguments: [String], environment: [String: String] = [:],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let process = Process()
  process.executableURL = root.appending(path: ".venv/bin/python")
  process.arguments = [root.appending(path: "Tests/Interop/\(script)").path] + arguments
  let base = ["OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
  process.environment = base.merging(kernels) { $1 }.merging(environment) { $1 }
  let said = Pipe()
  (process.standardOutput, process.standardError) = (said, said)
  try process.run()
  let text = String(decoding: try said.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  process.waitUntilExit()
  #expect(process.terminationStatus == 0, "\(text.suffix(2000))", sourceLocation: sourceLocation)
}

@discardableResult
func succeeding(
  _ arguments: [String], environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
  let outcome = try thresh(arguments, environment: environment)
  try #require(outcome.status == 0 && !outcome.wasKilled, "\(outcome)", sourceLocation: sourceLocation)
  return outcome
}

/// Checks that a command refused its input: its own status, one sentence, nothing else.
func expectRefusal(
  _ outcome: Outcome, _ status: Int32, _ words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(!outcome.wasKilled, "ended by signal \(outcome.status): \(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.errors.hasPrefix("thresh: "), "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.output.isEmpty, "\(outcome.output)", sourceLocation: sourceLocation)
  for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation) }
}

/// The statuses of `ExitStatus`.
enum Status {
  static let usage: Int32 = 64
  static let data: Int32 = 65
  static let file: Int32 = 66
  static let network: Int32 = 67
  static let plan: Int32 = 68
  static let proof: Int32 = 69
  static let diverged: Int32 = 70
  static let clock: Int32 = 71
  static let output: Int32 = 73
  static let recipe: Int32 = 78
  static let stopped: Int32 = 130
}
