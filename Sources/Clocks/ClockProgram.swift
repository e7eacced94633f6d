import Foundation

/// A program that tells how long ONNX files take in a runtime: it stays alive, reads requests line by line and answers
/// each (`ClockRequest`, `ClockAnswer`).
///
/// One that dies is started once more and asked again; one that says nothing for too long is stopped.
public final class ClockProgram {
  /// How messages call it.
  let name: String
  private let arguments: [String]
  /// Seconds without a word after which it is given up.
  private let patience: Double
  private var running: Running?
  /// - Parameters:
  ///   - name: how messages call it.
  ///   - arguments: the program, found in PATH, and its arguments.
  public init(name: String, arguments: [String], patience: Double = 300) {
    (self.name, self.arguments, self.patience) = (name, arguments, patience)
  }

  deinit { running?.endInput() }

  /// The answer to a request.
  ///
  /// - Parameter advance: told how many more files are done.
  /// - Throws: `ClockError`.
  func answer(_ request: ClockRequest, advance: (Int) -> Void = { _ in }) throws -> ClockAnswer {
    var wasStarted = running == nil
    var done = 0
    while true {
      let program = try running ?? start()
      running = program
      do {
        return try program.answer(request, within: patience) { count in
          advance(max(0, count - done))
          done = max(done, count)
        }
      } catch Running.Failure.ended {
        program.stop()
        running = nil
        // The first start tells whether it can run at all; later one bad moment is forgiven.
        if wasStarted {
          throw ClockError("\(name) ended without an answer\(program.lastWords); run it by hand to see why")
        }
        wasStarted = true
      } catch Running.Failure.silent {
        program.stop()
        running = nil
        throw ClockError(
          """
          \(name) said nothing for \(Int(patience)) seconds and was stopped\(program.lastWords); \
          THRESH_CLOCK_SECONDS gives it longer
          """)
      } catch Running.Failure.nonsense(let line) {
        program.stop()
        running = nil
        throw ClockError(
          """
          \(name) answered “\(line.prefix(60))”, expected {"runtime": …, "times": [{"milliseconds": …}, …]} with a time \
          above 0 for each of \(request.models.count) files
          """)
      } catch Running.Failure.told(let sentence) {
        throw ClockError("\(name) cannot tell: \(sentence)")
      }
    }
  }

  private func start() throws -> Running {
    do {
      return try Running(arguments)
    } catch {
      throw ClockError("\(name) cannot be started: \(error.localizedDescription)")
    }
  }
}

/// A process that is asked and answers.
private final class Running {
  enum Failure: Error {
    case ended
    case silent
    case nonsense(String)
    case told(String)
  }

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var unread: [UInt8] = []
  /// What it says of itself; the file has no name any more.
  private let log: FileHandle

  init(_ arguments: [String]) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "thresh-clock-\(UUID().uuidString).log")
    try Data().write(to: file)
    log = try FileHandle(forUpdating: file)
    try FileManager.default.removeItem(at: file)
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = log
    // A program that held the other ends would never see that its input has ended.
    for end in [input.fileHandleForWriting, output.fileHandleForReading] {
      _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
    }
    // Writing to a program that has ended is an error, no end of this one.
    signal(SIGPIPE, SIG_IGN)
    try process.run()
  }

  /// The last line that it wrote to standard error.
  var lastWords: String {
    try? log.seek(toOffset: 0)
    let text = (try? log.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(whereSeparator: \.isNewline).last.map { " (\($0.prefix(160)))" } ?? ""
  }

  /// A clock ends when its input does.
  func endInput() { try? input.fileHandleForWriting.close() }

  func stop() {
    endInput()
    if process.isRunning { process.terminate() }
  }

  func answer(_ request: ClockRequest, within seconds: Double, done: (Int) -> Void) throws(Failure) -> ClockAnswer {
    // What a program said before it ended is read first; its end is found there too.
    if let line = try? JSONEncoder().encode(request) {
      try? input.fileHandleForWriting.write(contentsOf: line + [UInt8(ascii: "\n")])
    }
    while true {
      let line = try line(within: seconds)
      guard let answer = try? JSONDecoder().decode(ClockAnswer.self, from: Data(line)) else {
        throw .nonsense(String(decoding: line, as: UTF8.self))
      }
      if let error = answer.error { throw .told(error) }
      if let count = answer.done {
        done(count)
        continue
      }
      guard let times = answer.times, times.count == request.models.count, answer.runtime?.isEmpty == false,
        times.allSatisfy({ $0.milliseconds > 0 && $0.milliseconds.isFinite })
      else { throw .nonsense(String(decoding: line, as: UTF8.self)) }
      return answer
    }
  }

  /// The next line, without its end.
  private func line(within seconds: Double) throws(Failure) -> [UInt8] {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeFirst(end + 1) }
        return Array(unread[..<end])
      }
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw .silent }
      var descriptor = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      let milliseconds = Int32(min(1000, max(1, left.components.seconds * 1000)))
      guard poll(&descriptor, 1, milliseconds) > 0 else { continue }
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = read(descriptor.fd, &bytes, bytes.count)
      guard count > 0 else { throw .ended }
      unread += bytes.prefix(count)
    }
  }
}
