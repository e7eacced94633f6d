/// What a person says of a file of another program beside what the file says itself.
public struct ReadingOptions: Sendable, Equatable {
  /// The output that gives the classes, where a file has several.
  public var outputName: String?
  /// Per channel, in units of 0…1; one number is taken for every channel. They replace what the file says.
  public var mean: [Float]?
  public var std: [Float]?
  /// Height and width of the images.
  public var imageSize: Int?
  /// The same of the images at hand: taken where the file leaves the size open and nobody says one.
  public var usualSize: Int?
  /// Whether every output is taken, whatever it gives, and not the one that gives the classes.
  public var takesAllOutputs = false

  public init(
    outputName: String? = nil, mean: [Float]? = nil, std: [Float]? = nil, imageSize: Int? = nil, usualSize: Int? = nil,
    takesAllOutputs: Bool = false
  ) {
    self.outputName = outputName
    self.mean = mean
    self.std = std
    self.imageSize = imageSize
    self.usualSize = usualSize
    self.takesAllOutputs = takesAllOutputs
  }
}

/// Something that a file leaves open and that is no matter of guessing; `ReadingOptions` answer it.
public struct OpenChoice: Error, CustomStringConvertible {
  public enum Question: Sendable { case output, imageSize }

  public let question: Question
  /// A sentence that ends with what has to be named.
  public let description: String
}
