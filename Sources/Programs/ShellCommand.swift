import Foundation
import Synchronization

/// The shells that run now, by their process identifiers.
private let running = Mutex<Set<Int32>>([])

/// Ends all that `outputOfShell` runs now, for a process that ends without waiting for it.
public func endShells() { running.withLock { $0.forEach(endShell) } }

/// The shell leads a group of its own, in which all that it started is.
private func endShell(_ identifier: Int32) {
  kill(-identifier, SIGKILL)
  kill(identifier, SIGKILL)
}

/// Runs a command of the user's in the shell and gives what it wrote to standard output.
///
/// - Parameters:
///   - command: as it would be typed.
///   - seconds: after which it is ended, with all that it started.
/// - Throws: `ProgramFailure` when it cannot be run, fails, or takes too long.
public func outputOfShell(_ command: String, seconds: Double) throws(ProgramFailure) -> String {
  let process = Process()
  let ended = DispatchSemaphore(value: 0)
  process.executableURL = URL(filePath: "/bin/sh")
  process.arguments = ["-c", command]
  process.standardInput = FileHandle.nullDevice
  // Files take any amount, where a pipe that nobody reads would stop the command.
  let place = FileManager.default.temporaryDirectory.appending(path: "thresh-command-\(UUID().uuidString)")
  let (output, errors) = (place.appending(path: "output"), place.appending(path: "errors"))
  defer { try? FileManager.default.removeItem(at: place) }
  do {
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for file in [output, errors] { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
  } catch {
    throw ProgramFailure("it cannot be run: \(error.localizedDescription)")
  }
  let identifier = process.processIdentifier
  running.withLock { _ = $0.insert(identifier) }
  defer { running.withLock { _ = $0.remove(identifier) } }
  guard ended.wait(timeout: .now() + seconds) == .success else {
    endShell(identifier)
    throw ProgramFailure("it took longer than \(Int(seconds)) seconds and was ended")
  }
  func text(_ file: URL) -> String { String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self) }
  guard process.terminationReason == .exit, process.terminationStatus == 0 else {
    let last = text(errors).split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
    let how = process.terminationReason == .exit ? "status" : "signal"
    throw ProgramFailure("it ended with \(how) \(process.terminationStatus)\(last)")
  }
  return text(output)
}
