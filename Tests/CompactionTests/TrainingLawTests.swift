@testable import Compaction
import Networks
import Testing
import Torch

/// The law that makes a strength mean the same whatever the optimiser: on ½‖w − b‖² + R(w), gradient steps and proximal
/// steps end at the same minimiser for every momentum and every frequency.
@Suite struct TrainingLawTests {
  /// t of a proximal step after `steps` steps with this rate and momentum.
  typealias TimeStep = (_ rate: Double, _ momentum: Double, _ steps: Int) -> Double

  private let right: TimeStep = { rate, momentum, steps in rate * Double(steps) / (1 - momentum) }

  private func linear(_ weight: Tensor) -> Network {
    let nodes = [
      Node(name: "flat", operation: Flatten(), inputs: [Network.inputName]),
      Node(name: "fc", operation: Linear(), inputs: ["flat"], parameters: [.weight: "fc.weight"]),
      Node(name: "last", operation: Linear(), inputs: ["fc"], parameters: [.weight: "last.weight"]),
    ]
    let parameters = ["fc.weight": weight, "last.weight": Tensor.ones([1, weight.shape[0]], dtype: weight.dtype)]
    return Network(inputShape: [weight.shape[1], 1, 1], nodes: nodes, output: "last", parameters: parameters)
  }

  /// Where training ends, measured right after a proximal step.
  private func end(
    _ regularizer: Regularizer, target: Tensor, momentum: Double, every: Int, _ timeStep: TimeStep
  ) throws -> Tensor {
    let regularization = try Regularization(regularizer, on: linear(target))
    let rate = 0.004 * (1 - momentum) / Double(every)
    let (weight, velocity) = (target.clone, Tensor.zeros(target.shape, dtype: .float64))
    let sgd = SGDStep(learningRate: rate, momentum: momentum, weightDecay: 0, nesterov: false, isFirst: false)
    for _ in 0..<2000 {
      for _ in 0..<every {
        sgd.apply(parameters: [weight], gradients: [weight - target], momenta: [velocity])
      }
      let t = timeStep(rate, momentum, every)
      let step = try ProximalStep(regularization, on: ["fc.weight": weight], t: t)
      if let new = step.changed["fc.weight"] { weight.overwrite(with: new) }
    }
    return weight
  }

  private func misses(
    _ regularizer: Regularizer, minimiser: Tensor, target: Tensor, momentum: Double, every: Int, _ timeStep: TimeStep
  ) throws -> Double {
    let found = try end(regularizer, target: target, momentum: momentum, every: every, timeStep)
    return (found - minimiser).norm / (target - minimiser).norm
  }

  private static let nuclear = Regularizer(nuclear: 1.2, group: 0, scale: .absolute, skip: [], restoresNorm: false)
  private static let group = Regularizer(nuclear: 0, group: 0.6, scale: .absolute, skip: [], restoresNorm: false)
  private let target = random([4, 5], 21)

  private func minimiser(_ regularizer: Regularizer) throws -> Tensor {
    regularizer.nuclear > 0
      ? try thresholdSingularValues(target, regularizer.nuclear)
      : try thresholdRows(target, regularizer.group * 5.0.squareRoot())
  }

  @Test(arguments: [0.0, 0.5, 0.9], [1, 10])
  func `the minimiser is the same for every momentum and frequency`(momentum: Double, every: Int) throws {
    for regularizer in [Self.nuclear, Self.group] {
      let miss = try misses(
        regularizer, minimiser: minimiser(regularizer), target: target, momentum: momentum, every: every, right)
      #expect(miss < 0.01)
    }
  }

  @Test func `the law rejects a step that forgets the momentum`() throws {
    let miss = try misses(
      Self.nuclear, minimiser: minimiser(Self.nuclear), target: target, momentum: 0.9, every: 1,
      { rate, _, steps in rate * Double(steps) })
    #expect(miss > 0.5)
  }

  @Test func `the law rejects a step that forgets how many steps it stands for`() throws {
    let miss = try misses(
      Self.nuclear, minimiser: minimiser(Self.nuclear), target: target, momentum: 0, every: 10,
      { rate, momentum, _ in rate / (1 - momentum) })
    #expect(miss > 0.5)
  }
}
