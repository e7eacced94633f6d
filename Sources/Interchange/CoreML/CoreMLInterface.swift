import CoreMLSchema
import Foundation
import Networks
import Torch

/// What an app sees of a model: an image in, a label and a dictionary of probabilities out.
struct CoreMLInterface {
  /// Names of the outputs, those that coremltools gives.
  static let label = "classLabel"
  static let probabilities = "classLabel_probs"

  private let image: String
  private let preprocessing: Preprocessing
  private let classes: [String]
  private let isSigmoid: Bool

  /// - Parameter writer: in which the input's name is taken.
  init(of model: Model, _ writer: inout CoreMLProgramWriter) {
    image = writer.newName(like: model.interface.inputName ?? "image")
    preprocessing = model.preprocessing
    classes = Self.distinct(model.classNames)
    isSigmoid = model.interface.outputActivation == .sigmoid
  }

  private var shape: [Int] { [1, preprocessing.channels, preprocessing.height, preprocessing.width] }

  /// Writes x/(255·std) − mean/std for the pixels x, in float32, and gives the variable that has it in the numbers of
  /// the values.
  ///
  /// An ML program has no scale and no bias of its image: they are operations.
  func normalized(to writer: inout CoreMLProgramWriter) throws -> String {
    let (mean, std) = (preprocessing.mean.map(Double.init), preprocessing.std.map(Double.init))
    let column = [1, preprocessing.channels, 1, 1]
    let scale = try writer.store(Tensor(std.map { 1 / (255 * $0) }, shape: column), "\(image)_scale", as: .float32)
    let shift = try writer.store(
      Tensor(zip(mean, std).map { -$0 / $1 }, shape: column), "\(image)_shift", as: .float32)
    let scaled = writer.append(
      "mul", [("x", .variable(image)), ("y", .variable(scale))], "\(image)_scaled", shape, as: .float32)
    let normalized = writer.append(
      "add", [("x", .variable(scaled)), ("y", .variable(shift))], "\(image)_normalized", shape, as: .float32)
    guard writer.numbers == .float16 else { return normalized }
    return writer.append("cast", [("x", .variable(normalized)), ("dtype", .text("fp16"))], "\(image)_half", shape)
  }

  /// Writes what makes the outputs of logits, in float32: small probabilities are zero in float16.
  func classify(_ logits: String, to writer: inout CoreMLProgramWriter) {
    let shape = [1, classes.count]
    var logits = logits
    if writer.numbers == .float16 {
      logits = writer.append(
        "cast", [("x", .variable(logits)), ("dtype", .text("fp32"))], "logits", shape, as: .float32)
    }
    let shares =
      isSigmoid
      ? writer.append("sigmoid", [("x", .variable(logits))], "probabilities", shape, as: .float32)
      : writer.append("softmax", [("x", .variable(logits)), ("axis", .int(1))], "probabilities", shape, as: .float32)
    var operation = CoreMLOperation()
    operation.type = "classify"
    operation.inputs = [
      "probabilities": CoreMLArgument(variables: [shares]), "classes": CoreMLArgument(CoreMLValue(classes)),
    ]
    operation.outputs = [
      CoreMLNamedValueType(Self.label, .tensor([], .string)),
      CoreMLNamedValueType(Self.probabilities, .dictionary(from: .string, to: .float64)),
    ]
    writer.append(operation, called: writer.newName(like: "classify"))
  }

  func program(_ operations: [CoreMLOperation], opset: String) -> CoreMLProgram {
    var block = CoreMLBlock()
    block.outputs = [Self.label, Self.probabilities]
    block.operations = operations
    var function = CoreMLFunction()
    function.inputs = [CoreMLNamedValueType(image, .tensor(shape, .float32))]
    function.opset = opset
    function.blockSpecializations = [opset: block]
    var program = CoreMLProgram()
    program.version = 1
    program.functions = ["main": function]
    return program
  }

  /// What is said of the model, and of its input and outputs.
  func description(of model: Model) throws -> CoreMLModelDescription {
    var given = CoreMLFeatureDescription()
    given.name = image
    given.type.imageType.width = Int64(preprocessing.width)
    given.type.imageType.height = Int64(preprocessing.height)
    given.type.imageType.colorSpace = preprocessing.channelOrder == .rgb ? .rgb : .grayscale
    var label = CoreMLFeatureDescription()
    label.name = Self.label
    label.shortDescription = "The most probable class"
    label.type.stringType = CoreMLStringFeatureType()
    var shares = CoreMLFeatureDescription()
    shares.name = Self.probabilities
    shares.shortDescription =
      isSigmoid ? "The probability of each class by itself" : "The probabilities of the classes"
    shares.type.dictionaryType.stringKeyType = CoreMLStringFeatureType()

    var description = CoreMLModelDescription()
    description.input = [given]
    description.output = [label, shares]
    description.predictedFeatureName = Self.label
    description.predictedProbabilitiesName = Self.probabilities
    description.metadata.shortDescription = "A classifier of \(classes.count) classes, written by Thresh"
    description.metadata.userDefined = try model.description
    return description
  }

  /// A dictionary has each key once: a name that several classes have gets the class's number behind it.
  static func distinct(_ names: [String]) -> [String] {
    let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var taken = Set(names)
    return names.enumerated().map { index, name in
      guard counts[name] != 1 else { return name }
      var own = "\(name) (\(index))"
      while !taken.insert(own).inserted { own += "'" }
      return own
    }
  }
}
