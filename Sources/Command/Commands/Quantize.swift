import ArgumentParser
import Foundation
import Reports
import Thresh

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Write a network with weights and values of 8 bits.",
    discussion: """
      Example:
        thresh quantize small.safetensors --data cifar10 --output small-int8.onnx
        thresh evaluate small-int8.onnx --data cifar10
      Example: with two epochs of training in 8 bits:
        thresh quantize small.safetensors --data cifar10 --finetune-epochs 2 --output small-int8.onnx

      Batch norms move into the layers before them. The ranges of values are measured on training images; of several \
      ways in which ranges follow from them the one is taken that changes the outputs for held-out images least. The \
      ONNX file has QuantizeLinear and DequantizeLinear (QDQ), which onnxruntime, openvino and TensorRT turn into \
      computation with whole numbers. A .safetensors file can be trained on: gradients pass through the rounding.
      """)

  @OptionGroup(title: "Main options") var main: MainOptions
  @OptionGroup(title: "Main options") var data: DataOptions
  @OptionGroup(title: "Rounding") var rounding: RoundingOptions
  @OptionGroup(title: "Fine-tuning") var tuning: TuningOptions
  @OptionGroup(title: "Machine") var compute: ComputeOptions
  @OptionGroup var model: ModelArgument

  /// What is written.
  struct MainOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The file to write: .onnx, or .safetensors.", valueName: "file"))
    var output: String
    @Flag(help: "Print JSON: sizes, accuracies, every layer's signal-to-noise ratio.")
    var json = false
  }

  /// How numbers are rounded.
  struct RoundingOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "What values are: uint8, which is fast in onnxruntime, or int8 around zero, which TensorRT "
          + "wants.", valueName: "type"))
    var activations = QuantizationGrid.Element.uint8
    @Option(
      help: ArgumentHelp(
        "Bits of weights, 7 or 8 (default: 7 with uint8, whose sums of products processors without VNNI cut short; 8 "
          + "with int8).", valueName: "n"))
    var weightBits: Int?
    @Option(
      help: ArgumentHelp(
        "How ranges follow from what was measured (default: the best of them).",
        valueName: "way"))
    var ranges: RangeEstimator?
    @Option(help: ArgumentHelp("Training images that ranges are measured on.", valueName: "n"))
    var images = 512
    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp("Layers that stay in float32, * for anything.", valueName: "patterns"))
    var skip: [String] = []

    var settings: QuantizationSettings {
      var settings = QuantizationSettings()
      (settings.activations, settings.ranges, settings.weightBits) = (activations, ranges, weightBits)
      settings.skip = skip
      return settings
    }

    /// - Throws: `RecipeError` naming the first option that makes no sense for the network.
    func check(_ network: Network) throws {
      if let weightBits, !(7...8).contains(weightBits) {
        throw RecipeError("--weight-bits is \(weightBits), expected 7 or 8")
      }
      guard (10...100_000).contains(images) else {
        throw RecipeError("--images is \(images), expected 10 to 100000")
      }
      let names = network.matrixLayers.flatMap(\.nodes)
      for pattern in skip where !names.contains(where: Pattern(pattern).matches) {
        let some = names.prefix(5).joined(separator: ", ")
        throw RecipeError("--skip is \(pattern), which names no layer; the first are \(some)")
      }
    }
  }

  /// Training with the rounding in it.
  struct TuningOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Epochs of training with the rounding in it, the network before as the teacher (default: 0).", valueName: "n"))
    var finetuneEpochs = 0
    @Option(help: ArgumentHelp("Learning rate of these epochs.", valueName: "x"))
    var lr = 0.001
  }

  struct Report: Encodable {
    var output: String
    /// Of the file.
    var bytes: Int
    var best: Quantized.Trial
    var trials: [Quantized.Trial]
    var layers: [QuantizedLayer]
    var stages: [CompressionStage]
    var test: Accuracy
  }

  func run() throws {
    try AtomicOutput.check(main.output)
    guard ["onnx", "safetensors"].contains(URL(filePath: main.output).pathExtension) else {
      throw OutputError("\(main.output) says no kind of file; give it a name that ends in .onnx or .safetensors")
    }
    guard data.data != nil else { throw RecipeError("--data is missing; ranges are measured on its training images") }
    let output = WatchedFile(main.output)
    Interruption.keeps {
      output.isWritten
        ? "\(output.path) holds the network of 8 bits as it was before its fine-tuning"
        : "\(output.path) was not written"
    }
    var model = try model.load(data: data.data)
    try rounding.check(model.network)
    var recipe = try model.compressionRecipe()
    try recipe.adopt(data)
    try recipe.adopt(compute)
    (recipe.finetuning.epochs, recipe.training.lr) = (tuning.finetuneEpochs, tuning.lr)
    try recipe.validate()
    let data = try recipe.datasetTelling(for: model.preprocessing).preparedTelling(for: model)
    model.adoptDescription(of: data)
    recipe = Defaults.resolve(recipe, for: model.compressionContext(recipe, images: data.train.count))
    let steps = try RunSteps(recipe, observe: Console.show)
    var quantized = try steps.quantize(model, on: data, rounding.settings, images: rounding.images)
    if tuning.finetuneEpochs > 0 {
      // A tuning that is killed does not cost it.
      try quantized.model.export(to: main.output)
      let folder = RunFolder(URL(filePath: main.output + ".finetune", directoryHint: .isDirectory))
      try steps.finetune(&quantized, on: data, in: folder, teacher: model.network)
    }
    let test = try steps.accuracy(of: quantized.model.network, on: data.test, of: data)
    quantized.model.figures["top1"] = test.top1
    try quantized.model.export(to: main.output)
    try show(quantized, test)
  }

  private func show(_ quantized: Quantized, _ test: Accuracy) throws {
    let bytes = try URL(filePath: main.output).resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    guard !main.json else {
      return try Console.json(
        Report(
          output: main.output, bytes: bytes, best: quantized.best, trials: quantized.trials, layers: quantized.layers,
          stages: quantized.stages, test: test))
    }
    Console.print(quantized.text(Console.output, all: "--json"))
    print("test          \(test.inWords()) of \(test.images) images")
    print("written to \(main.output), \(bytes.formattedBytes)")
  }
}

extension QuantizationGrid.Element: ExpressibleByArgument {}
extension RangeEstimator: ExpressibleByArgument {}
