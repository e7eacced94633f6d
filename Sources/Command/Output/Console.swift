import Foundation
import Reports
import Thresh

/// Where a command tells what it does: results on standard output, everything else on standard error.
enum Console {
  static let display = Display()

  static func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

  /// Tells what was assumed.
  static func tell(_ notes: some Sequence<String>) {
    for text in notes { display.show(.note(text)) }
  }

  /// Shows what a job tells.
  static func show(_ event: RunEvent) { display.show(event) }

  /// Prints a value as JSON.
  static func json(_ value: some Encodable) throws { print(try ReadableJSON.text(value)) }
}

/// Shows what a job tells: one bar for the part at hand, a line for everything else.
///
/// Unchecked, since a job tells one thing at a time.
final class Display: @unchecked Sendable {
  private var bar: ProgressBar?

  func show(_ event: RunEvent) {
    switch event {
    case .began(let part, let count, let unit):
      clear()
      bar = ProgressBar(part, total: count, unit: unit)
    case .advanced(let count, let state): bar?.advance(by: count, note: state)
    case .ended: clear()
    case .note, .warning, .epoch, .compacted, .compressed, .tested:
      clear()
      Console.note(event.description.namingOptions)
    }
  }

  /// Takes the bar away, before something else is told.
  func clear() {
    bar?.clear()
    bar = nil
  }
}

extension String {
  /// The sentence with the settings that the library names, as `lr`, spelt as options.
  var namingOptions: String { replacing(/`([a-z][a-z0-9-]*)`/) { "--\($0.output.1)" } }
}
