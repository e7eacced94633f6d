import ArgumentParser
import Thresh

/// One number for each channel, or one for all: 0.485,0.456,0.406.
struct ChannelNumbers: ExpressibleByArgument, Encodable {
  let values: [Float]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Float($0.drop { $0 == " " }) }
    guard values.count == parts.count else { return nil }
    self.values = values
  }

  func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }

  /// The words of a command line, numbers after --mean and --std joined to one word each: they may be apart, too.
  static func joined(_ words: [String]) -> [String] {
    var result: [String] = []
    var isList = false
    for word in words {
      if isList, ChannelNumbers(argument: word) != nil, let last = result.last, ChannelNumbers(argument: last) != nil {
        result[result.count - 1] += "," + word
        continue
      }
      isList =
        ["--mean", "--std"].contains(word) || isList && result.last.map { ["--mean", "--std"].contains($0) } == true
      result.append(word)
    }
    return result
  }
}

/// What a file of another program leaves open, in every command that reads one.
struct ReadingArguments: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("The output with the classes, if an ONNX file has several.", valueName: "name"))
  var outputName: String?
  @Option(
    help: ArgumentHelp(
      "Mean of each channel for pixels of 0 to 1, in place of the model's: 0.485,0.456,0.406.", valueName: "x,x,x"))
  var mean: ChannelNumbers?
  @Option(help: ArgumentHelp("Standard deviation of each channel, the same.", valueName: "x,x,x"))
  var std: ChannelNumbers?
  @Option(
    help: ArgumentHelp(
      "What an ONNX file reads beside images, which stays so: one number, or one for each element.",
      valueName: "name=x"))
  var input: [String] = []
  @Option(
    help: ArgumentHelp(
      "Side of the square that photographs are cropped to, for networks that take any (default: the model's, or the "
        + "architecture's usual).",
      valueName: "pixels"))
  var imageSize: Int?

  /// - Parameter data: the data set that the model is to be used with, by its name.
  /// - Throws: `RecipeError` naming the first value that makes no sense.
  func options(data: String? = nil) throws -> ReadingOptions {
    var recipe = Recipe()
    try recipe.adopt(self)
    recipe.data.name = data ?? ""
    try recipe.validate()
    return recipe.reading
  }
}
