import ArgumentParser
import Foundation
import Reports
import Thresh

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model for other programs, and read it back to prove that it computes the same.",
    discussion: """
      Example:
        thresh export run --to onnx --output small.onnx
        thresh verify run small.onnx --data cifar10
        thresh export run --to pytorch --output small.py

      ONNX is written for opset 17 and any batch size, with class names, normalisation and figures in its metadata. \
      For PyTorch a short module of plain torch.nn is written, with the weights as safetensors beside it.
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable { case onnx, pytorch }

  @OptionGroup var model: ModelArgument
  @Option(help: ArgumentHelp("What to write.", valueName: "kind"))
  var to: Kind
  @Flag(help: "Move batch norms into the layers before them (ONNX).")
  var foldBatchNorm = false
  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  func run() throws {
    try AtomicOutput.check(output)
    let model = try model.load()
    if model.interface.weightType == .float16, !model.writesHalf {
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
      guard !foldBatchNorm else { throw RecipeError("--fold-batch-norm is for onnx; leave it out") }
      let files = try model.exportPyTorch(to: output)
      print("\(output) and \(files[1].path)  \(size)")
    }
  }
}
