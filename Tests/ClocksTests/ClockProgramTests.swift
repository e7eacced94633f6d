import Foundation
import Testing

@testable import Clocks

/// What another program answers, well or badly.
struct ClockProgramTests {
  private let request = ClockRequest(models: ["a", "b"], batch: 2, threads: 1, precision: "float32")
  private let good = #"{"runtime": "fake 1", "times": [{"milliseconds": 1, "spread": 0}, {"milliseconds": 2}]}"#

  private func program(_ script: String, patience: Double = 60) -> ClockProgram {
    ClockProgram(name: "the clock", arguments: ["sh", "-c", script], patience: patience)
  }

  private func sentence(_ script: String, patience: Double = 60) throws -> String {
    let program = program(script, patience: patience)
    return try #require(throws: ClockError.self) { try program.answer(request) }.description
  }

  @Test func `a program is asked in JSON, tells how far it is and answers, again and again`() throws {
    let script = """
      while read line; do case "$line" in *'"models":["a","b"]'*) echo '{"done": 1}'; echo '{"done": 2}'; \
      echo '\(good)';; *) echo '{"error": "not asked as expected"}';; esac; done
      """
    let program = program(script)
    for _ in 1...3 {
      var steps: [Int] = []
      let answer = try program.answer(request) { steps.append($0) }
      #expect(answer.runtime == "fake 1" && answer.times?.map(\.milliseconds) == [1, 2] && steps == [1, 1])
    }
  }

  @Test func `a program that dies between two requests is started once more`() throws {
    // Each start answers once and ends.
    let program = program("read line; echo '\(good)'")
    for _ in 1...3 {
      #expect(try program.answer(request).times?.count == 2)
      Thread.sleep(forTimeInterval: 0.2)
    }
  }

  @Test func `a program that always dies is told with its last words`() throws {
    let text = try sentence("echo first >&2; echo no such runtime >&2; exit 3")
    #expect(text.contains("the clock ended without an answer (no such runtime)"))
    #expect(try sentence("exec no-such-program-anywhere").contains("ended without an answer"))
  }

  @Test func `a program that says nothing is stopped`() throws {
    let start = ContinuousClock.now
    #expect(try sentence("read line; sleep 60", patience: 1).contains("said nothing for 1 seconds and was stopped"))
    #expect(start.duration(to: .now) < .seconds(50))
  }

  @Test(arguments: [
    "ready", "[]", #"{"runtime": "fake 1", "times": []}"#, #"{"times": [{"milliseconds": 1}, {"milliseconds": 2}]}"#,
    #"{"runtime": "fake 1", "times": [{"milliseconds": 1}, {"milliseconds": -2}]}"#,
    #"{"runtime": "fake 1", "times": [{"milliseconds": 1}, {"milliseconds": 0}]}"#,
    #"{"runtime": "fake 1", "times": [{"milliseconds": 1}, {"milliseconds": NaN}]}"#,
  ])
  func `nonsense is quoted, with what was expected`(answer: String) throws {
    let text = try sentence("while read line; do echo '\(answer)'; done")
    #expect(text.contains("answered “\(answer.prefix(60))”") && text.contains("a time above 0 for each of 2 files"))
  }

  @Test func `what the program could not do is told in its words`() throws {
    let text = try sentence(#"while read line; do echo '{"error": "the phone is not there"}'; done"#)
    #expect(text == "the clock cannot tell: the phone is not there")
  }
}
