import ArgumentParser
import Foundation
import Thresh

@main
struct Entry {
  static func main() {
    // A reader that goes away (as `head` does) is not worth a signal; writing then fails like any other.
    // The same holds for a file that grows past `ulimit -f`.
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    // The allocator is the process's own: libraries leave it alone.
    Library.keepFreedMemory()
    do {
      let words = Array(CommandLine.arguments.dropFirst())
      try RenamedOptions.check(words)
      var command = try ThreshCommand.parseAsRoot(Percentage.resolved(ChannelNumbers.joined(words)))
      // Not for help, which is a command of the parser's own.
      if ThreshCommand.configuration.subcommands.contains(where: { $0 == type(of: command) }) {
        _ = try Kernels.read()
        Interruption.listen()
      }
      try command.run()
      leave(0)
    } catch {
      guard let status = ExitStatus(of: error) else { end(error) }
      Console.display.clear()
      Console.note("thresh: \(error)".namingOptions)
      leave(status.rawValue)
    }
  }

  /// Ends without libtorch's destructors, which unregister thousands of operators: 30 % of a short command's time.
  private static func leave(_ status: Int32) -> Never {
    fflush(nil)
    _exit(status)
  }

  /// Ends for what the argument parser throws: help on standard output, a wrong option in one line on standard error.
  private static func end(_ error: any Error) -> Never {
    let code = ThreshCommand.exitCode(for: error)
    guard !code.isSuccess else { ThreshCommand.exit(withError: error) }
    let command = CommandLine.arguments.dropFirst().prefix(1).filter { word in
      ThreshCommand.configuration.subcommands.contains { $0._commandName == word }
    }
    let help = (["thresh"] + command + ["--help"]).joined(separator: " ")
    let sentence = ThreshCommand.message(for: error).split(separator: "\n").joined(separator: " ")
    let words = sentence.last == "." ? String(sentence.dropLast()) : sentence
    Console.note("thresh: \(words)" + (words.last == "?" ? " See \(help)" : "; see \(help)"))
    leave(code.rawValue)
  }
}

/// The command line.
struct ThreshCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thresh",
    abstract: "Trains deep networks for compression, compresses them, and proves the result equal to the plan.",
    discussion: """
      During training a nuclear norm gives weight matrices low rank, and a group lasso sets whole units to zero; then \
      Thresh factorises and narrows the network (Alvarez & Salzmann, NIPS 2017).

      Example: from images to a small network in one command:
        thresh train --model dec3 --data glyphs --epochs 20 --finetune-epochs 10 --parameters 0.1 --output run
        thresh evaluate run --data glyphs
      """,
    version: "0.2.0",
    subcommands: [
      Train.self, PlanCommand.self, Compress.self, QuantizeCommand.self, Calibrate.self, Evaluate.self, Models.self,
      Inspect.self, Predict.self, Export.self, Verify.self, Plot.self, ReportCommand.self, Demo.self,
    ])
}

/// Why a command failed, for scripts; a wrong option is 64, as argument parsers have it.
enum ExitStatus: Int32 {
  case data = 65
  case file = 66
  case network = 67
  case plan = 68
  case proof = 69
  case diverged = 70
  case clock = 71
  case chance = 72
  case output = 73
  case score = 74
  case recipe = 78
  case stopped = 130

  init?(of error: any Error) {
    switch error {
    case is DatasetError: self = .data
    case let error as ContainerError: self = error.kind == .writing ? .output : .file
    // libtorch throws where a network's numbers are not finite.
    case is NetworkError, is TorchError, is QuantizationError: self = .network
    case is PlanError: self = .plan
    case is ClockError: self = .clock
    case is CompactionError, is VerificationError, is InferenceMismatch: self = .proof
    case is RecipeError, is KernelsError: self = .recipe
    case TrainingInterruption.diverged, TrainingInterruption.neverFinite: self = .diverged
    case TrainingInterruption.stopped, is Stopped: self = .stopped
    case is ChanceError: self = .chance
    case is ScoreError: self = .score
    case is OutputError: self = .output
    default: return nil
    }
  }
}
