import Foundation

/// Which clock tells how long networks take: Thresh's own engine, a runtime by name, or a command that answers as
/// `ClockProgram` expects.
public enum ClockName: Sendable, Equatable {
  case thresh
  case runtime(Runtime)
  case command(String)

  /// Runtimes whose clocks come with Thresh.
  public enum Runtime: String, Sendable, CaseIterable {
    case onnxruntime
    case openvino

    /// What pip calls it.
    var package: String { rawValue }
  }

  public init(_ text: String) {
    if text == "thresh" {
      self = .thresh
    } else {
      self = Runtime(rawValue: text).map(ClockName.runtime) ?? .command(text)
    }
  }
}
