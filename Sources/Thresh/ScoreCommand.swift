import Foundation
import Interchange
import Programs
import Training

/// A command of the user's that says how good a network is: a number, the larger the better.
package struct ScoreCommand: Sendable {
  /// Where the network's file stands in the command.
  package static let place = "{model}"

  private let command: String
  private let seconds: Double
  /// The ending of the files that it gets.
  private let ending: String

  /// - Parameters:
  ///   - command: for the shell, with `{model}` for the file.
  ///   - seconds: after which a run is ended.
  ///   - output: a file of the kind that the command gets: ONNX, or Thresh's own.
  /// - Throws: `RecipeError` when the command has no place for the file, or the seconds make no sense.
  package init(_ command: String, seconds: Double, like output: String) throws {
    guard command.contains(Self.place) else {
      throw RecipeError(
        "`score` is \(command), expected a command with \(Self.place) where the network's file stands")
    }
    guard seconds > 0, seconds <= 1e6 else {
      throw RecipeError("`score-timeout` is \(seconds), expected seconds above 0, such as 3600")
    }
    (self.command, self.seconds) = (command, seconds)
    ending = URL(filePath: output).pathExtension == "onnx" ? "onnx" : "safetensors"
  }

  /// Ends the commands that run now, before the process ends without waiting for them.
  package static func endAll() { endShells() }

  /// What the command says of a model.
  ///
  /// - Throws: `ScoreError` when it fails, takes too long or prints no number last.
  package func callAsFunction(_ model: Model) throws -> Double {
    let folder = FileManager.default.temporaryDirectory.appending(path: "thresh-score-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "model.\(ending)")
    try model.writeCompact(to: file)
    let quoted = "'" + file.path.replacing("'", with: "'\\''") + "'"
    let printed: String
    do {
      printed = try outputOfShell(command.replacing(Self.place, with: quoted), seconds: seconds)
    } catch {
      throw ScoreError("the command of `score` gave no number: \(error)")
    }
    let last = printed.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }
    // A word or two may stand before it, as in "mAP: 0.51".
    guard let number = last?.split(whereSeparator: \.isWhitespace).last.flatMap({ Double($0) }), number.isFinite else {
      let found = last.map { "\"\($0.prefix(80))\"" } ?? "nothing"
      throw ScoreError("the command of `score` printed \(found) last, expected a number at the end of its last line")
    }
    return number
  }
}

extension Double {
  /// A score as a person reads it, of which nobody knows how large it is.
  package var inSixDigits: String { String(format: "%.6g", self) }
}

/// A command that says nothing about a network, in a sentence.
package struct ScoreError: Error, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
