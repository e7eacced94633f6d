import ArgumentParser
import Thresh

/// What becomes of a run whose network guesses at its end.
struct StrictOption: ParsableArguments {
  @Flag(help: "Exit with status 72 if the network is at chance when the run ends; its files are written all the same.")
  var strict = false

  /// Says last that a network has learnt nothing.
  ///
  /// - Throws: `ChanceError` with the same sentence under `--strict`.
  func check(_ test: Accuracy, classes: Int) throws {
    guard let sentence = Alarm.ended(test, classes: classes) else { return }
    if strict { throw ChanceError(description: sentence) }
    Console.show(.warning(sentence))
  }
}

/// A network that guesses, where that is a failure.
struct ChanceError: Error, CustomStringConvertible {
  let description: String
}
