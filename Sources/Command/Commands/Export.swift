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
        thresh export run --to pytorch --output small.py
        thresh export run --to coreml --output small.mlpackage

      ONNX is written for opset 17 and any batch size, with class names, normalisation and figures in its metadata. \
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
  @Option(help: "The numbers that Core ML computes in, float16 or float32 (default: float16).")
  var precision: CoreMLOptions.Precision?
  @Flag(help: "Store the weights of large layers as int8, one scale for each unit (Core ML; needs iOS 16).")
  var int8Weights = false
  @Option(help: ArgumentHelp("The file to write, or the package.", valueName: "file"))
  var output: String

  func run() throws {
    try checkOptions()
    if to != .coreml { try AtomicOutput.check(output) }
    let model = try model.load()
    if to != .coreml, model.interface.weightType == .float16, !model.writesHalf {
      Console.note("note: the weights do not fit into float16, and are written as float32")
    }
    let cost = try model.network.cost()
    let size = "\(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs"
    switch to {
    case .onnx:
      let file = try model.exportONNX(to: output, foldingBatchNorm: foldBatchNorm)
      let bytes = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
      print("\(output)  \(bytes.formattedBytes), \(size); read back, it computes the same")
    case .pytorch:
      let files = try model.exportPyTorch(to: output)
      print("\(output) and \(files[1].path)  \(size)")
    case .coreml:
      let options = CoreMLOptions(precision: precision ?? .float16, int8Weights: int8Weights)
      let package = try model.exportCoreML(to: output, options)
      let bytes = package.files.values.map(\.count).reduce(0, +)
      print("\(output)  \(bytes.formattedBytes), \(size); for \(package.systems) or later")
    }
  }

  private func checkOptions() throws {
    let given = [
      ("--fold-batch-norm", foldBatchNorm, Kind.onnx), ("--precision", precision != nil, .coreml),
      ("--int8-weights", int8Weights, .coreml),
    ]
    for (option, isGiven, kind) in given where isGiven && kind != to {
      throw RecipeError("\(option) is for \(kind); leave it out")
    }
  }
}

extension CoreMLOptions.Precision: ExpressibleByArgument {}
