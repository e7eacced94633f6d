import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// Gradients that are scaled down to a norm before the step.
struct ClippedGradientTests {
  private let network: Network
  private let images: Tensor
  private let labels: Tensor

  init() throws {
    network = try smallNetwork()
    images = Tensor.normal([12, 1, 16, 16], using: Generator(seed: 3)).channelsLast
    labels = Tensor((0..<12).map { Int64($0 % 4) }, shape: [12])
  }

  /// The network after one step at a rate of 1, and its momenta, which after a first step are the gradients.
  private func step(_ clipNorm: Double?) throws -> (network: Network, gradients: [String: Tensor]) {
    var options = options()
    (options.nesterov, options.weightDecay, options.clipNorm) = (false, 0, clipNorm)
    var state = try TrainingState(network)
    _ = state.addGradients(images, labels, options, generator: nil)
    state.step(options, rate: 1)
    return (state.snapshot(), state.memory.momenta)
  }

  private func norm(_ gradients: [String: Tensor]) -> Double {
    gradients.values.flatMap(\.doubles).map { $0 * $0 }.reduce(0, +).squareRoot()
  }

  @Test(arguments: [0.5, 1e-3, 1e-7]) func `a larger norm is scaled down to the limit, as the formula says`(
    share: Double
  ) throws {
    let free = try step(nil).gradients
    let limit = share * norm(free)
    let clipped = try step(limit)
    let factor = limit / (norm(free) + 1e-6)
    for (name, gradient) in free {
      let found = try #require(clipped.gradients[name])
      let expected = gradient.to(.float64) * factor
      #expect((found - expected).maximumMagnitude <= 1e-6 * factor * gradient.maximumMagnitude, "\(name)")
      let (before, after) = (try #require(network.parameters[name]), try #require(clipped.network.parameters[name]))
      #expect((before - expected - after).maximumMagnitude <= 1e-6 * max(1, before.maximumMagnitude), "\(name)")
    }
  }

  @Test func `a norm below the limit changes no bit`() throws {
    let free = try step(nil)
    let clipped = try step(norm(free.gradients) * 1.01)
    #expect(elements(clipped.network) == elements(free.network))
  }

  @Test func `a training whose gradients are clipped ends where it would, stopped and resumed`() throws {
    let (folder, data) = (try TemporaryFolder(), drawnData())
    var options = options(epochs: 2)
    options.clipNorm = 0.5
    var trainer = Trainer(options, data, try model(smallNetwork(), of: data), in: RunFolder(folder.url))
    let whole = try trainer.train(resume: false)
    #expect(elements(try stoppedAndResumed(after: 7, options, smallNetwork(), data, in: folder)) == elements(whole))
    options.clipNorm = nil
    var free = Trainer(options, data, try model(smallNetwork(), of: data), in: RunFolder(folder.url))
    #expect(elements(try free.train(resume: false)) != elements(whole))
  }

  @Test func `a loss that is not finite is a divergence all the same`() throws {
    let (folder, data) = (try TemporaryFolder(), drawnData())
    var wild = network
    wild.parameters["linear.weight"] = network.parameters["linear.weight"].map { $0 * 0 + 3e38 }
    var options = options(epochs: 1)
    options.clipNorm = 1
    var trainer = Trainer(options, data, model(wild, of: data), in: RunFolder(folder.url))
    #expect(
      sentence { _ = try trainer.train(resume: false) }.hasPrefix("the loss is NaN or infinite at step 1"))
  }
}
