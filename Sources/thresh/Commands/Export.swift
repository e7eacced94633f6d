import ArgumentParser
import Foundation
import Interchange
import Networks
import Reports
import Training

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model for other programs, and read it back to prove that it computes the same.",
    discussion: """
      Example:
        thresh export run --to onnx --output small.onnx
        thresh verify run small.onnx --data cifar10
        thresh export run --to pytorch --output small.py

      ONNX is written for opset 17, its batch free, with the class names, normalisation and figures in its metadata. \
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
    let model = try model.source().load(model.reading.options())
    if model.interface.weightType == .float16, !model.writesHalf {
      Console.note("note: the weights do not fit into float16, and are written as float32")
    }
    let cost = try model.network.cost()
    let size = "\(cost.parameters.formattedCount) parameters, \(cost.macs.formattedCount) MACs"
    switch to {
    case .onnx:
      let data = try ONNXFile.data(of: model, foldingBatchNorm: foldBatchNorm)
      try AtomicOutput.write(data, to: URL(filePath: output))
      print("\(output)  \(data.count.formattedBytes), \(size); read back, it computes the same")
    case .pytorch:
      guard !foldBatchNorm else { throw RecipeError("--fold-batch-norm is for onnx; leave it out") }
      let weights = try writeModule(of: model)
      print("\(output) and \(weights)  \(size)")
    }
  }

  /// Writes the module and its weights; gives the name of the latter.
  private func writeModule(of model: Model) throws -> String {
    let file = URL(filePath: output)
    guard file.pathExtension == "py" else {
      throw OutputError("\(output) is to be a module of Python; give it a name that ends in .py")
    }
    let weights = file.deletingPathExtension().appendingPathExtension("safetensors")
    // Both are there after an export before; the weights alone are somebody else's.
    let files = FileManager.default
    guard !files.fileExists(atPath: weights.path) || files.fileExists(atPath: file.path) else {
      throw OutputError("\(weights.path) is there already and would be replaced; name another --output")
    }
    let module = try PyTorchModule(model.network, weights: weights.lastPathComponent, model.interface)
    try AtomicOutput.check(weights.path)
    var named = model
    named.network = module.network
    try named.write(to: weights)
    let back = try Model(contentsOf: weights)
    guard try Difference(between: model.asWritten().network, and: back.network).largest == 0 else {
      throw OutputError("\(weights.path) does not hold what was written; check the disk and try again")
    }
    try AtomicOutput.write(module.source, to: file)
    return weights.path
  }
}
