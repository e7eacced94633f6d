/// Which clock tells how long networks take: Thresh's own engine, a runtime by name, or a command that is asked.
public enum ClockName: Sendable, Codable, Equatable {
  case thresh
  case runtime(Runtime)
  case command(String)

  /// Runtimes whose clocks come with Thresh, as Python and pip call them.
  public enum Runtime: String, Sendable, CaseIterable {
    case onnxruntime
    case openvino
  }
}

extension ClockName: RawRepresentable, CustomStringConvertible {
  /// Any text is one: what is no name is a command.
  public init(rawValue text: String) {
    self = text == "thresh" ? .thresh : Runtime(rawValue: text).map(ClockName.runtime) ?? .command(text)
  }

  public var rawValue: String {
    switch self {
    case .thresh: "thresh"
    case .runtime(let runtime): runtime.rawValue
    case .command(let command): command
    }
  }

  public var description: String { rawValue }
}
