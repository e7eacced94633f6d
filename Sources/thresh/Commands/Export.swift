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

      ONNX is written for opset 17, its batch free, with the class names, normalisation and figures in its metadata.
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable { case onnx }

  @OptionGroup var model: ModelArgument
  @Option(help: "What to write: onnx.")
  var to: Kind
  @Flag(help: "Move batch norms into the layers before them.")
  var foldBatchNorm = false
  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  func run() throws {
    try AtomicOutput.check(output)
    let model = try ModelSource(model.model, weights: model.weights).load()
    let data = try ONNXFile.data(of: model, foldingBatchNorm: foldBatchNorm)
    try AtomicOutput.write(data, to: URL(filePath: output))
    let cost = try model.network.cost()
    print(
      """
      \(output)  \(data.count.formattedBytes), \(cost.parameters.formattedCount) parameters, \
      \(cost.macs.formattedCount) MACs; read back, it computes the same
      """)
  }
}
