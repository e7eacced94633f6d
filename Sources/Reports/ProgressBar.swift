import Foundation

/// Shows how far a known number of items has come, how fast it goes and how long it still takes.
///
/// On a terminal one line is drawn again at most ten times a second; elsewhere a plain line comes every ten seconds.
public struct ProgressBar {
  private let title: String
  private let total: Int
  private let unit: String
  private let behind: (items: Int, seconds: Double)?
  private let output: ProgressOutput
  private let started: Double

  private var done = 0
  private var note = ""
  private var rate = Rate()
  /// Whether items had to wait for something; then how fast they go is told by the whole time so far.
  private var hasWaited = false
  private var lastAdvance: Double
  private var lastDrawing: Double?
  private var isOver = false

  /// A bar for `total` items, counted in `unit`; nothing is written before the first `advance`.
  ///
  /// - Parameter behind: what comes behind it and the time left counts too: items that go as fast, and the seconds of
  ///   all else.
  public init(
    _ title: String, total: Int, unit: String, behind: (items: Int, seconds: Double)? = nil,
    to output: ProgressOutput = .file(.standardError)
  ) {
    self.title = title.onOneLine
    self.total = max(0, total)
    self.unit = unit.onOneLine
    self.behind = behind
    self.output = output
    started = output.now()
    lastAdvance = started
    // Elsewhere than on a terminal, what takes less than ten seconds gets its last line only.
    lastDrawing = output.isTerminal ? nil : started
  }

  /// Counts items that are done and draws again if it is time; `note` is a word on the state, as `loss 0.412`.
  public mutating func advance(by count: Int = 1, note: String? = nil) {
    guard !isOver else { return }
    let now = output.now()
    done = min(total, done + max(0, count))
    rate.add(items: max(0, count), in: max(0, now - lastAdvance))
    lastAdvance = now
    if let note { self.note = note.onOneLine }
    draw(at: now)
  }

  private mutating func draw(at now: Double) {
    let pause = output.isTerminal ? 0.1 : 10
    if let lastDrawing, now - lastDrawing < pause { return }
    lastDrawing = now
    output.write(output.isTerminal ? Self.rewind + barLine() : plainLine() + "\n")
  }

  /// Says what the items wait for, as they may again: then all the time so far tells how fast they go.
  public mutating func wait(_ reason: String) {
    guard !isOver else { return }
    hasWaited = true
    note = reason.onOneLine
    draw(at: output.now())
  }

  private var perSecond: Double? {
    guard hasWaited else { return rate.perSecond }
    let elapsed = output.now() - started
    return elapsed > 0 ? Double(done) / elapsed : nil
  }

  /// Replaces the bar by a last line with the whole time and the mean rate.
  public mutating func finish() {
    guard !isOver else { return }
    isOver = true
    let duration = max(0, output.now() - started)
    let mean = duration > 0 ? rateText(Double(done) / duration) : ""
    let line = join([title, done == total ? "" : percent, duration.formattedDuration, mean, note])
    output.write((output.isTerminal ? Self.rewind : "") + line + "\n")
  }

  /// Takes the bar off the terminal without a last line, as before an error is told.
  public mutating func clear() {
    guard !isOver else { return }
    isOver = true
    if output.isTerminal, lastDrawing != nil { output.write(Self.rewind) }
  }

  /// Back to the first column, and erase to the line's end.
  private static let rewind = "\r\u{1B}[K"

  private var share: Double {
    total == 0 ? 1 : Double(done) / Double(total)
  }

  /// Whole percent, rounded down: 100 % only when all is done.
  private var percent: String {
    "\(total == 0 ? 100 : Int(Double(done) * 100 / Double(total))) %"
  }

  private var timeLeft: String {
    guard let perSecond, perSecond > 0 else { return "" }
    guard let behind, behind.items > 0 || behind.seconds >= 1 else {
      return (Double(total - done) / perSecond).formattedClock + " left"
    }
    return (Double(total - done + behind.items) / perSecond + behind.seconds).formattedClock + " left in all"
  }

  private func plainLine() -> String {
    join([title, percent, rateText(perSecond), note, timeLeft])
  }

  /// The line with a bar in what the words leave free; words go where there is no room, the last ones first.
  private func barLine() -> String {
    // The last column stays free: some terminals wrap when it is written.
    let width = max(1, output.width() - 1)
    let (narrowest, percentWidth) = (8, 6)
    var words = [rateText(perSecond), note, timeLeft].filter { !$0.isEmpty }
    func room() -> Int {
      width - title.displayWidth - 1 - percentWidth - words.reduce(0) { $0 + $1.displayWidth + 2 }
    }
    while room() < narrowest, words.count > 1 {
      // The time left is what people look for.
      words.remove(at: words.count - 2)
    }
    if room() < narrowest { words = [] }
    guard room() >= narrowest else { return join([title, percent]).truncated(to: width) }
    let column = String(repeating: " ", count: max(0, percentWidth - percent.count)) + percent
    return join([title + " " + bar(width: min(40, room())) + column] + words)
  }

  private func bar(width: Int) -> String {
    let halves = Int(share * Double(2 * width))
    let (full, half) = (halves / 2, halves % 2)
    return String(repeating: "━", count: full) + String(repeating: "╸", count: half)
      + String(repeating: "─", count: width - full - half)
  }

  private func rateText(_ perSecond: Double?) -> String {
    guard let perSecond, perSecond.isFinite, perSecond < 1e15 else { return "" }
    let number = perSecond < 1000 ? perSecond.threeDigits : Int(perSecond).formattedCount
    return "\(number) \(unit)/s"
  }

  private func join(_ words: [String]) -> String {
    words.filter { !$0.isEmpty }.joined(separator: "  ")
  }
}
