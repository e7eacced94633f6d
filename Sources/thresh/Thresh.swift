import ArgumentParser
import Compaction
import Containers
import Datasets
import Foundation
import Networks
import Training

@main
struct Entry {
  static func main() {
    // A reader that goes away (as `head` does) is not worth a signal; writing then fails like any other.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try Thresh.parseAsRoot()
      try command.run()
    } catch {
      guard let status = ExitStatus(of: error) else { Thresh.exit(withError: error) }
      FileHandle.standardError.write(Data("thresh: \(error)\n".utf8))
      Foundation.exit(status.rawValue)
    }
  }
}

/// The command line.
struct Thresh: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thresh",
    abstract: "Trains deep networks for compression, compresses them and proves that nothing changed.",
    discussion: """
      A nuclear norm gives weight matrices low rank while the network learns, and a group lasso silences whole units; \
      then Thresh factorises and narrows the network (Alvarez & Salzmann, NIPS 2017).

      Example: from images to a small network in one command:
        thresh train --model dec3 --data glyphs --epochs 20 --finetune-epochs 10 --parameters 0.1 --output run
        thresh evaluate run --data glyphs
      """,
    version: "0.1.0",
    subcommands: [Train.self, Compress.self, Evaluate.self, Inspect.self, Predict.self, Demo.self])
}

/// Why a command failed, for scripts; a wrong option is 64, as argument parsers have it.
enum ExitStatus: Int32 {
  case data = 65
  case file = 66
  case network = 67
  case plan = 68
  case proof = 69
  case diverged = 70
  case output = 73
  case recipe = 78
  case stopped = 130

  init?(of error: any Error) {
    switch error {
    case is DatasetError: self = .data
    case is ContainerError: self = .file
    case is NetworkError: self = .network
    case is PlanError: self = .plan
    case is CompactionError: self = .proof
    case is RecipeError: self = .recipe
    case TrainingInterruption.diverged: self = .diverged
    case TrainingInterruption.stopped: self = .stopped
    case is OutputError: self = .output
    default: return nil
    }
  }
}

/// A place that results cannot be put into, in a sentence.
struct OutputError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
