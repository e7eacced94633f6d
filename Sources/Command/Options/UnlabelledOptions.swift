import ArgumentParser
import Thresh

/// Images without labels in place of a data set, in `compress` and `plan` alike.
struct UnlabelledOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "A folder with images without labels, in folders of any depth, in place of --data: the network itself is what "
        + "the compact one learns to be like, all its outputs.", valueName: "folder"))
  var images: String?
  @Flag(
    help: ArgumentHelp(
      "With --images: they are made to fit and filled up with grey, and nothing is cut away, as detectors want it."))
  var noCrop = false
  @Option(
    help: ArgumentHelp(
      "With --images: an output that scores classes and is learnt as probabilities, along axis 1 of the file's value "
        + "or NAME=AXIS; told by a softmax at the end otherwise.", valueName: "name"))
  var scores: [String] = []
  @Option(
    help: ArgumentHelp("With --images: how much an output weighs (default: each 1).", valueName: "name=x"))
  var outputWeights: [String] = []

  /// What reads all that a file gives, where there are images without labels.
  func adopt(_ options: inout ReadingOptions) { options.takesAllOutputs = images != nil }

  /// - Parameter labelled: options that were given and say something of labels or of another teacher.
  /// - Throws: `RecipeError` when options of the two kinds of images are mixed.
  func check(_ data: DataOptions, _ labelled: [String] = []) throws {
    guard images != nil else {
      let all = [
        ("--scores", !scores.isEmpty), ("--output-weights", !outputWeights.isEmpty),
        ("--no-crop", noCrop),
      ]
      for (option, isGiven) in all where isGiven {
        throw RecipeError("\(option) goes with images without labels; give --images too")
      }
      return
    }
    guard data.data == nil else {
      throw RecipeError("--images have no labels, those of --data have; give one of the two")
    }
    if let option = labelled.first {
      throw RecipeError(
        "with --images the network itself is the teacher, and there are no classes; leave \(option) out")
    }
  }
}
