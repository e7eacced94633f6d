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
  /// Height and width that a file of ours says beside the graph.
  var ownSize: [Int]?
  /// Whether every output is taken, whatever it gives, and not the one that gives the classes.
  public var takesAllOutputs = false
  /// What is read beside the images, as constants.
  public var inputs: [GivenInput] = []

  public init(
    outputName: String? = nil, mean: [Float]? = nil, std: [Float]? = nil, imageSize: Int? = nil, usualSize: Int? = nil,
    takesAllOutputs: Bool = false, inputs: [GivenInput] = []
  ) {
    self.inputs = inputs
    self.outputName = outputName
    self.mean = mean
    self.std = std
    self.imageSize = imageSize
    self.usualSize = usualSize
    self.takesAllOutputs = takesAllOutputs
  }
}

/// An input of a file that is no image, and what it is to be from then on.
public struct GivenInput: Sendable, Equatable {
  public var name: String
  /// All elements in order, or one number for all of them.
  public var numbers: [Double]

  public init(_ name: String, _ numbers: [Double]) { (self.name, self.numbers) = (name, numbers) }

  /// From `name=1` or `name=1,2,3`; nil for other words.
  public init?(_ text: String) {
    guard let sign = text.lastIndex(of: "="), sign != text.startIndex else { return nil }
    let parts = text[text.index(after: sign)...].split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0.drop { $0 == " " }) }
    guard numbers.count == parts.count, numbers.allSatisfy(\.isFinite) else { return nil }
    self.init(String(text[..<sign]), numbers)
  }
}

/// Something that a file leaves open and that is no matter of guessing; `ReadingOptions` answer it.
public struct OpenChoice: Error, CustomStringConvertible {
  public enum Question: Sendable { case output, imageSize }

  public let question: Question
  /// A sentence that ends with what has to be named.
  public let description: String
}
