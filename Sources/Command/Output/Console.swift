import Foundation
import Reports
import Thresh

/// Where a command tells what it does: results on standard output, everything else on standard error.
enum Console {
  static let display = Display()
  /// How results look.
  static let output = TextStyle.of(.standardOutput)
  private static let errors = TextStyle.of(.standardError)
  private static let errorsAreOnTerminal = isatty(FileHandle.standardError.fileDescriptor) != 0

  /// How what is told on the way looks: tables as wide as a terminal, sentences in one line where it is none, as
  /// logs are searched.
  static var notes: TextStyle {
    errorsAreOnTerminal ? errors : TextStyle(width: errors.width, usesColor: false)
  }

  /// Tells a sentence, its first word coloured where that says what kind it is.
  static func note(_ line: String) {
    let text = errorsAreOnTerminal ? line.wrapped(to: errors.width) : line
    write(colored(text))
  }

  /// Tells text that has its lines and colours already.
  static func write(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  private static func colored(_ text: String) -> String {
    let tones: [(String, TextStyle.Tone)] = [
      ("note:", .note), ("warning:", .warning), ("thresh:", .error), ("stopping", .warning), ("stopped", .warning),
    ]
    guard let (word, tone) = tones.first(where: { text.hasPrefix($0.0) }) else { return text }
    return errors(word, tone) + text.dropFirst(word.count)
  }

  /// Prints a result; lines that are too long break between words.
  static func print(_ text: String) { Swift.print(text.wrapped(to: output.width)) }

  /// Prints a line of a list, whole where it is not a terminal: others read it line by line.
  static func line(_ text: String) {
    Swift.print(isatty(FileHandle.standardOutput.fileDescriptor) != 0 ? text.wrapped(to: output.width) : text)
  }

  /// Tells what was assumed.
  static func tell(_ notes: some Sequence<String>) {
    for text in notes { display.show(.note(text)) }
  }

  /// Shows what a job tells.
  static func show(_ event: RunEvent) { display.show(event) }

  /// Prints a value as JSON.
  static func json(_ value: some Encodable) throws { Swift.print(try ReadableJSON.text(value)) }
}

/// Shows what a job tells: one bar for the part at hand, a line for everything else.
///
/// Unchecked, since a job tells one thing at a time.
final class Display: @unchecked Sendable {
  private var bar: ProgressBar?
  /// The bar of layers that are timed outside of any part, and those of them that are done.
  private var timing: (bar: ProgressBar, done: Int)?
  private var outlook = Outlook()
  private let start = ContinuousClock.now

  private var now: Double { start.duration(to: .now) / .seconds(1) }

  func show(_ event: RunEvent) {
    switch event {
    case .expected(let parts): outlook.expect(parts)
    case .began(let part, let count, let unit):
      clear()
      outlook.begin(part, at: now)
      let behind = outlook.behind.map { (items: $0.images, seconds: $0.seconds) }
      bar = ProgressBar(part, total: count, unit: unit, behind: behind)
      Interruption.enter(part)
    case .timing(let done, let count, let runtime): showTiming(done, of: count, runtime)
    case .advanced(let count, let state): bar?.advance(by: count, note: state)
    case .ended:
      clear()
      outlook.end(at: now)
      Interruption.enter(nil)
    case .epoch, .compressed:
      clear()
      Console.write(event.text(Console.notes))
    case .note, .warning, .compacted, .tested:
      clear()
      Console.note(event.description.namingOptions)
    }
  }

  /// Timing is told in the bar of the part that waits for it, else in one of its own.
  private func showTiming(_ done: Int, of count: Int, _ runtime: String?) {
    if bar != nil {
      bar?.wait(done == count ? "" : RunEvent.timing(done, count, runtime))
    } else {
      let title = "timing layers" + (runtime.map { " in \($0)" } ?? "")
      if done == 0 { timing = (ProgressBar(title, total: count, unit: "layers"), 0) }
      let more = done - (timing?.done ?? done)
      timing?.bar.advance(by: more)
      timing?.done = done
      if done == count { clear() }
    }
  }

  /// Takes the bar away, before something else is told.
  func clear() {
    bar?.clear()
    timing?.bar.clear()
    (bar, timing) = (nil, nil)
  }
}

extension String {
  /// The sentence with the settings that the library names, as `lr`, spelt as options.
  var namingOptions: String { replacing(/`([a-z][a-z0-9-]*)`/) { "--\($0.output.1)" } }
}
