import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM as a question that training asks after every step; a second one ends the program at once.
final class StopSignal {
  private final class Flag: Sendable {
    let isSet = Atomic(false)
  }

  private let flag = Flag()
  private let sources: [any DispatchSourceSignal]

  init() {
    sources = [SIGINT, SIGTERM].map { [flag] number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        // Without libtorch's destructors, under which the step that still runs would crash.
        if flag.isSet.exchange(true, ordering: .relaxed) { _exit(128 + number) }
        Console.note("\nstopping after this step…")
      }
      source.resume()
      return source
    }
  }

  /// The signals end the program at once again; after one was heeded it is ending already, with a status of its own.
  deinit {
    for source in sources { source.cancel() }
    guard !isAsked else { return }
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  /// The question of a training that begins.
  static func asked() -> () -> Bool {
    let signal = StopSignal()
    return { signal.isAsked }
  }

  var isAsked: Bool { flag.isSet.load(ordering: .relaxed) }
}
