import Foundation
import Testing

/// Output that is read in a terminal of 80 columns.
struct TerminalTests {
  private func widest(_ text: String) -> Int { text.split(separator: "\n").map(\.count).max() ?? 0 }

  @Test(arguments: [
    ["models"], ["inspect", "vit_b_16"], ["inspect", "resnet50"], ["plan", "resnet20", "--macs", "0.5"],
    ["plan", "resnet20", "--macs", "0.5", "--decomposition", "any"],
  ])
  func `a table of results fits 80 columns, and wider terminals show more`(arguments: [String]) throws {
    let narrow = try succeeding(arguments)
    #expect(widest(narrow.output) <= 80, "\(narrow.output)")
    let wide = try succeeding(arguments, environment: ["COLUMNS": "200"])
    #expect(widest(wide.output) >= widest(narrow.output))
    #expect(!wide.output.contains("left out for the width") && !wide.output.contains("…"))
  }

  @Test func `a training tells every epoch in 80 columns, with its own time and the time left`() throws {
    let errors = try TrainedRun.dec3.get().outcome.errorLines
    let epochs = errors.filter { $0.contains(/^(train|fine-tune) \d+\/\d+\s/) }
    #expect(epochs.count == 5, "\(errors)")
    #expect(epochs.allSatisfy { $0.count <= 80 && $0.contains("val ") }, "\(epochs)")
    // The fine-tuning to come counts; behind the last epoch of all there is nothing left.
    #expect(epochs.map { $0.hasSuffix(" left") } == [true, true, true, true, false], "\(epochs)")
    #expect(errors.filter { $0.hasPrefix("block") }.allSatisfy { $0.count <= 80 })
  }

  @Test func `nothing is coloured where there is no terminal`() throws {
    let run = try TrainedRun.dec3.get()
    #expect(!run.outcome.errors.contains("\u{1B}"))
    #expect(try !succeeding(["inspect", run.run]).output.contains("\u{1B}"))
  }

  @Test func `inspect ends with sentences, not with keys`() throws {
    let output = try succeeding(["inspect", try TrainedRun.dec3.get().run]).output
    #expect(output.contains("on the test images") && output.contains("before compression"))
    for key in ["top1", "denseMacs", "denseParameters", "epoch:"] { #expect(!output.contains(key), "\(output)") }
  }

  #if os(Linux)
    @Test(arguments: [SIGINT, SIGTERM])
    func `an interruption outside of a training says what was kept`(number: Int32) throws {
      let program = try Program(["calibrate", "dec8", "--batch-size", "2", "--threads", "1"])
      // From then on it listens.
      let status = "/proc/\(program.identifier)/status"
      var listens = false
      while !listens, program.isRunning {
        let text = (try? String(contentsOfFile: status, encoding: .utf8)) ?? ""
        let handled = text.matches(of: /Sig(?:Ign|Cgt):\s*([0-9a-f]+)/).reduce(UInt64(0)) {
          $0 | (UInt64($1.output.1, radix: 16) ?? 0)
        }
        listens = [SIGINT, SIGTERM].allSatisfy { handled & (1 << (UInt64($0) - 1)) != 0 }
        usleep(1000)
      }
      // One that comes between the two is lost.
      while program.isRunning {
        program.send(number)
        usleep(100_000)
      }
      let outcome = try program.wait()
      #expect(outcome.status == 128 + number && !outcome.wasKilled, "\(outcome)")
      #expect(outcome.errorLines.last?.hasPrefix("thresh: stopped") == true, "\(outcome)")
      #expect(outcome.errorLines.last?.hasSuffix("nothing was written") == true, "\(outcome)")
    }
  #endif
}
