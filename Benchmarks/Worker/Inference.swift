import Architectures
import Networks
import Torch
import Training

/// A network in evaluation on one fixed batch, run as `Network.accuracy(on:of:)` runs it.
struct Inference {
  private let execution: Execution
  private let parameters: [Tensor]
  private let images: Tensor
  private let precision: TrainingOptions.Precision

  init(_ task: Task) throws {
    guard let architecture = Catalogue(rawValue: task.model) else {
      throw BenchmarkError("there is no architecture \(task.model)")
    }
    let network = try architecture.network(input: Images.shape, classes: Images.classes, seed: 0)
    let run = task.folded == true ? try network.foldingBatchNorm() : network
    execution = try Execution(run)
    parameters = run.parameters(of: execution, on: .cpu)
    images = try Images.fixedBatch(task.batch).tensors(on: .cpu).images
    precision = task.precision
  }

  /// Makes `count` forward passes.
  func passes(_ count: Int) {
    withoutGradients {
      for _ in 0..<count { _ = precision == .bfloat16 ? withBFloat16Autocast(pass) : pass() }
    }
  }

  private func pass() -> Tensor { execution.run(images, parameters: parameters, mode: .evaluation).output }
}
