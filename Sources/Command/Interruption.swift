import Dispatch
import Foundation
import Synchronization
import Thresh

/// What Ctrl-C and SIGTERM do to a command: a training saves and stops after its step, everything else ends at once; in
/// either case a sentence says what is kept.
enum Interruption {
  private struct State {
    var part: String?
    var kept: @Sendable () -> String = { "nothing was written" }
    /// Trainings that ask after every step whether to stop.
    var questions = 0
    /// The signal that came.
    var asked: Int32?
  }

  private static let state = Mutex(State())
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  /// Notes the part of the job at hand, as "measuring for batch norms"; nil between two.
  ///
  /// A request that came too late for the training that it was meant for is heeded here.
  static func enter(_ part: String?) {
    let late = state.withLock { state in
      state.part = part
      // Between two parts a training may just be ending because of it.
      return state.questions == 0 && part != nil ? state.asked : nil
    }
    if let late { end(late) }
  }

  /// Sets what says, once the command is interrupted, what it leaves; it looks at files alone.
  static func keeps(_ sentence: @escaping @Sendable () -> String) { state.withLock { $0.kept = sentence } }

  /// Listens to both signals from here on.
  static func listen() {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue(label: "signals"))
      source.setEventHandler { receive(number) }
      source.resume()
      return source
    }
  }

  /// The question of a training that begins; until it is let go, a signal is its answer.
  static func asked() -> () -> Bool {
    let question = Question()
    return { question.isAnswered }
  }

  private final class Question {
    init() { Interruption.state.withLock { $0.questions += 1 } }
    deinit { Interruption.state.withLock { $0.questions -= 1 } }
    var isAnswered: Bool { Interruption.state.withLock { $0.asked != nil } }
  }

  private static func receive(_ number: Int32) {
    let isFirst = state.withLock { state in
      defer { state.asked = number }
      return state.asked == nil && state.questions > 0
    }
    // A second one does not wait.
    guard isFirst else { end(number) }
    Console.write("")
    Console.note("stopping after this step…")
  }

  /// Ends without libtorch's destructors, under which a step that still runs would crash.
  private static func end(_ number: Int32) -> Never {
    let (part, kept) = state.withLock { ($0.part, $0.kept) }
    Console.write("")
    Console.note(
      "thresh: stopped" + (part.map { ($0.contains(" epoch ") ? " in " : " while ") + $0 } ?? "") + "; " + kept())
    ScoreCommand.endAll()
    _exit(128 + number)
  }
}

/// A file as it was when a command began.
struct WatchedFile: Sendable {
  let path: String
  private let before: Date?

  init(_ path: String) { (self.path, before) = (path, Self.date(of: path)) }

  /// Whether the command has written it.
  var isWritten: Bool {
    let now = Self.date(of: path)
    return now != nil && now != before
  }

  private static func date(of path: String) -> Date? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
  }
}

/// A command that ended because it was asked to, in a sentence.
struct Stopped: Error, CustomStringConvertible {
  let description: String
}
