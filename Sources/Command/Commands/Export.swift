import ArgumentParser
import Foundation
import Reports
import Thresh

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model for other programs.",
    discussion: """
      Example:
        thresh export run --to onnx --output small.onnx
        thresh verify run small.onnx --data cifar10
        thresh export run --to onnx --precision float16 --output half.onnx
        thresh export run --to pytorch --output small.py
        thresh export run --to coreml --output small.mlpackage

      ONNX is written for any batch size, with class names, normalisation and figures in its metadata; with --precision \
      float16 its weights and computations are float16, its input and output stay what they were. \
      For PyTorch a short module of plain torch.nn is written, with the weights as safetensors beside it. Both are \
      read back to prove that they compute the same. For Core ML a classifier of one image is written that normalises \
      it itself, in float16; it is not read back, since Core ML runs on Apple's systems only.
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable { case onnx, pytorch, coreml }

  @OptionGroup var model: ModelArgument
  @Option(help: ArgumentHelp("What to write.", valueName: "kind"))
  var to: Kind
  @Flag(help: "Move batch norms into the layers before them (ONNX).")
  var foldBatchNorm = false
  @Option(
    help: ArgumentHelp(
      "Weights and computations in float16 or float32 (default: ONNX as the model was read, Core ML float16).",
      valueName: "type"))
  var precision: CoreMLOptions.Precision?
  @Option(help: ArgumentHelp("The version of ONNX's operators, 13 to 21 (default: 17).", valueName: "n"))
  var opset: Int?
  @Flag(help: "Store the weights of large layers as int8, one scale for each unit (Core ML; needs iOS 16).")
  var int8Weights = false
  @Option(help: ArgumentHelp("The file to write, or the package.", valueName: "file"))
  var output: String
  @Flag(help: "Print JSON.")
  var json = false

  struct Report: Encodable {
    var files: [String]
    var bytes: Int
    var parameters: Int
    var macs: Int
  }

  func run() throws {
    try checkOptions()
    if to != .coreml { try AtomicOutput.check(output) }
    var model = try model.load()
    try adopt(precision, model: &model)
    if to != .coreml, model.interface.weightType == .float16, !model.writesHalf {
      Console.note("note: the weights do not fit into float16, and are written as float32")
    }
    let cost = try model.network.cost()
    let (files, note) = try write(model)
    let bytes = try files.map { try $0.bytes }.reduce(0, +)
    guard !json else {
      return try Console.json(
        Report(files: files.map(\.relativePath), bytes: bytes, parameters: cost.parameters, macs: cost.macs))
    }
    Console.print(
      "\(files.map(\.relativePath).joined(separator: " and "))  \(bytes.formattedBytes), "
        + "\(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs; \(note)")
  }

  /// Writes the model; gives its files, and what is to be known of them.
  private func write(_ model: Model) throws -> (files: [URL], note: String) {
    let readBack = "read back, it computes the same"
    switch to {
    case .onnx:
      return ([try model.exportONNX(to: output, foldingBatchNorm: foldBatchNorm, opset: opset)], readBack)
    case .pytorch: return (try model.exportPyTorch(to: output), readBack)
    case .coreml:
      let options = CoreMLOptions(precision: precision ?? .float16, int8Weights: int8Weights)
      return ([URL(filePath: output)], "for \(try model.exportCoreML(to: output, options).systems) or later")
    }
  }

  private func checkOptions() throws {
    let given: [(option: String, isGiven: Bool, kinds: [Kind])] = [
      ("--fold-batch-norm", foldBatchNorm, [.onnx]), ("--precision", precision != nil, [.onnx, .coreml]),
      ("--opset", opset != nil, [.onnx]), ("--int8-weights", int8Weights, [.coreml]),
    ]
    for (option, isGiven, kinds) in given where isGiven && !kinds.contains(to) {
      throw RecipeError("\(option) is for \(kinds.map(\.rawValue).joined(separator: " and ")); leave it out")
    }
    let (opset, opsets) = (opset ?? ONNXFile.usualOpset, ONNXFile.opsets)
    guard opsets.contains(opset) else {
      throw RecipeError("--opset is \(opset), expected \(opsets.lowerBound) to \(opsets.upperBound)")
    }
  }

  /// The type of the weights in an ONNX file.
  private func adopt(_ precision: CoreMLOptions.Precision?, model: inout Model) throws {
    guard to == .onnx, let precision else { return }
    guard precision == .float16 else { return model.interface.weightType = .float32 }
    model.interface.weightType = .float16
    guard model.writesHalf else {
      throw RecipeError(
        model.network.isQuantized
          ? "--precision float16 is for networks of floating-point numbers, and this one is of 8 bits; leave it out"
          : "--precision float16 holds numbers up to 65504, and a weight is larger; leave it out")
    }
  }
}

extension CoreMLOptions.Precision: ExpressibleByArgument {}

extension URL {
  /// The size of a file, or of all files in a folder.
  fileprivate var bytes: Int {
    get throws {
      let inside = FileManager.default.subpaths(atPath: path) ?? []
      return try ([self] + inside.map { appending(path: $0) }).map { file in
        let values = try file.resourceValues(forKeys: [.fileSizeKey, .isDirectoryKey])
        return values.isDirectory == true ? 0 : values.fileSize ?? 0
      }.reduce(0, +)
    }
  }
}
