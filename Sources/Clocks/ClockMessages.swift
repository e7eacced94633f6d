/// What a clock is asked: how long a batch takes in each of these files; no files at all asks for the runtime alone.
///
/// One line of JSON on the program's standard input:
/// `{"models": ["a.onnx"], "batch": 32, "threads": 2, "precision": "float32"}`.
struct ClockRequest: Encodable {
  /// Paths of ONNX files, their batch free.
  var models: [String]
  /// Images at once.
  var batch: Int
  var threads: Int
  var precision: String
}

/// What a clock says, one line of JSON on its standard output: how far it is, any number of times, and then the times
/// of all files in their order, or why it has none.
struct ClockAnswer: Decodable {
  struct Time: Decodable {
    /// Of one batch, the median.
    var milliseconds: Double
    /// Half the distance between the quartiles, relative to the median.
    var spread: Double?
  }

  /// How many files are done.
  var done: Int?
  /// The runtime's name and version.
  var runtime: String?
  var times: [Time]?
  var error: String?
}

/// A clock that cannot be used, in a sentence.
public struct ClockError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
