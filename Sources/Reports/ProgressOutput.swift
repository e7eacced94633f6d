import Foundation

/// Where progress is written: what it is, how wide, by which clock.
public struct ProgressOutput {
  /// Whether a line can be drawn again in its place.
  public let isTerminal: Bool
  /// The columns of the terminal, asked at every drawing since windows change.
  public let width: () -> Int
  /// Seconds of a clock that never goes back.
  public let now: () -> Double
  public let write: (String) -> Void

  public init(
    isTerminal: Bool, width: @escaping () -> Int, now: @escaping () -> Double, write: @escaping (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.width = width
    self.now = now
    self.write = write
  }

  /// Writes to an open file, standard error as a rule; errors of the file are ignored, progress is not worth a stop.
  public static func file(_ handle: FileHandle) -> ProgressOutput {
    let descriptor = handle.fileDescriptor
    let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"
    let start = ContinuousClock.now
    return ProgressOutput(
      isTerminal: isatty(descriptor) != 0 && !isDumb,
      width: { TextStyle.columns(of: descriptor) },
      now: { (ContinuousClock.now - start) / .seconds(1) },
      write: { text in try? handle.write(contentsOf: Data(text.utf8)) })
  }
}
