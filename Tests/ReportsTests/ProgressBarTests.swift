import Reports
import Testing

@Suite struct ProgressBarTests {
  /// A clock that is set by hand and a terminal that remembers.
  private final class Screen {
    var time = 0.0
    var width = 100
    var written: [String] = []

    func output(isTerminal: Bool) -> ProgressOutput {
      ProgressOutput(
        isTerminal: isTerminal, width: { self.width }, now: { self.time }, write: { self.written.append($0) })
    }

    var last: String { written.last ?? "" }
  }

  private func bar(on screen: Screen, isTerminal: Bool = true) -> ProgressBar {
    ProgressBar("epoch 3/10", total: 1000, unit: "images", to: screen.output(isTerminal: isTerminal))
  }

  @Test func `a terminal gets one line with bar, rate, note and time left`() {
    let screen = Screen()
    var bar = bar(on: screen)
    screen.time = 1
    bar.advance(by: 610, note: "loss 0.412")
    let bar40 = String(repeating: "━", count: 24) + String(repeating: "─", count: 16)
    #expect(screen.last == "\r\u{1B}[Kepoch 3/10 \(bar40)  61 %  610 images/s  loss 0.412  0:01 left")
  }

  @Test func `the time left counts what comes behind, and what was waited for`() {
    let screen = Screen()
    var bar = ProgressBar(
      "epoch 1/3", total: 100, unit: "images", behind: (items: 200, seconds: 30), to: screen.output(isTerminal: true))
    screen.time = 10
    bar.advance(by: 50)
    #expect(screen.last.hasSuffix("1:20 left in all"), "\(screen.last)")
    screen.time = 50
    bar.wait("timing layers 1/40")
    // 50 items in 50 seconds: 50 and 200 more are 250 seconds, and 30 behind.
    #expect(screen.last.contains("timing layers 1/40") && screen.last.hasSuffix("4:40 left in all"), "\(screen.last)")
  }

  @Test(arguments: [10, 20, 40, 60, 80, 120]) func `the line never reaches the terminal's last column`(width: Int) {
    let screen = Screen()
    screen.width = width
    var bar = bar(on: screen)
    screen.time = 1
    bar.advance(by: 333, note: "loss 0.412, a rather long note")
    #expect(screen.last.dropFirst("\r\u{1B}[K".count).count < width)
  }

  @Test func `the time left stays when there is no room for all`() {
    let screen = Screen()
    screen.width = 45
    var bar = bar(on: screen)
    screen.time = 1
    bar.advance(by: 500, note: "loss 0.412")
    #expect(screen.last.hasSuffix("50 %  0:01 left"))
  }

  @Test func `a halt is not taken for work, lasting slowness is`() {
    let screen = Screen()
    var bar = bar(on: screen)
    func step(_ seconds: Double) {
      screen.time += seconds
      bar.advance(by: 10)
    }
    for _ in 0..<10 { step(1) }
    step(3600)
    #expect(screen.last.contains("10.0 images/s") && screen.last.hasSuffix("1:29 left"))
    step(1)
    #expect(screen.last.contains("10.0 images/s"))
    for _ in 0..<3 { step(100) }
    #expect(screen.last.contains("  0.10 images/s"))
  }

  @Test func `a terminal is drawn at most ten times a second`() {
    let screen = Screen()
    var bar = bar(on: screen)
    for step in 0..<1000 {
      screen.time = Double(step) / 500
      bar.advance()
    }
    #expect((15...20).contains(screen.written.count))
  }

  @Test func `elsewhere a plain line comes every ten seconds`() {
    let screen = Screen()
    var bar = bar(on: screen, isTerminal: false)
    for _ in 0..<25 {
      screen.time += 1
      bar.advance(by: 10)
    }
    #expect(
      screen.written == [
        "epoch 3/10  10 %  10.0 images/s  1:30 left\n", "epoch 3/10  20 %  10.0 images/s  1:20 left\n",
      ])
  }

  @Test func `the end replaces the bar by a last line`() {
    let screen = Screen()
    var bar = bar(on: screen)
    screen.time = 62
    bar.advance(by: 1000, note: "loss 0.4")
    bar.finish()
    #expect(screen.last == "\r\u{1B}[Kepoch 3/10  1 min 02 s  16.1 images/s  loss 0.4\n")
  }

  @Test func `the last line elsewhere has no control characters`() {
    let screen = Screen()
    var bar = bar(on: screen, isTerminal: false)
    screen.time = 2
    bar.advance(by: 500)
    bar.finish()
    #expect(screen.written == ["epoch 3/10  50 %  2.0 s  250 images/s\n"])
  }

  @Test func `nothing is drawn after the end`() {
    let screen = Screen()
    var bar = bar(on: screen)
    bar.finish()
    screen.time = 5
    bar.advance()
    bar.finish()
    #expect(screen.written.count == 1)
  }

  @Test func `clearing takes the bar away without a line`() {
    let screen = Screen()
    var bar = bar(on: screen)
    screen.time = 1
    bar.advance()
    bar.clear()
    #expect(screen.last == "\r\u{1B}[K")
  }

  @Test func `the rate follows a change of speed`() {
    let screen = Screen()
    var bar = ProgressBar("x", total: 1_000_000, unit: "images", to: screen.output(isTerminal: true))
    for count in Array(repeating: 100, count: 60) + Array(repeating: 10, count: 60) {
      screen.time += 1
      bar.advance(by: count)
    }
    #expect(screen.last.contains("10.0 images/s"))
  }

  @Test func `no items at all are all done`() {
    let screen = Screen()
    var bar = ProgressBar("empty", total: 0, unit: "images", to: screen.output(isTerminal: true))
    bar.advance(by: 0)
    #expect(screen.last.contains("100 %"))
  }
}
