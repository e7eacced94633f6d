import Testing
import Torch

@Suite struct SGDTests {
  private func step(momentum: Double, nesterov: Bool = false, isFirst: Bool = false, decay: Double = 0) -> SGDStep {
    SGDStep(learningRate: 0.1, momentum: momentum, weightDecay: decay, nesterov: nesterov, isFirst: isFirst)
  }

  /// Applies one step to w = 1, g = 2, v = 3; returns w and v.
  private func result(of step: SGDStep) -> (weight: Double, momentum: Double) {
    let (w, g) = (Tensor([1.0], shape: [1]), Tensor([2.0], shape: [1]))
    let v = Tensor([3.0], shape: [1])
    step.apply(parameters: [w], gradients: [g], momenta: [v])
    return (w.item, v.item)
  }

  @Test func `without momentum the weight moves by the rate times the gradient`() {
    #expect(abs(result(of: step(momentum: 0)).weight - 0.8) < 1e-12)
  }

  @Test func `momentum gathers gradients`() {
    let (weight, momentum) = result(of: step(momentum: 0.5))
    #expect(abs(momentum - 3.5) < 1e-12)
    #expect(abs(weight - 0.65) < 1e-12)
  }

  @Test func `Nesterov looks one step ahead`() {
    // w − lr·(g + m·v) with v = 0.5·3 + 2.
    #expect(abs(result(of: step(momentum: 0.5, nesterov: true)).weight - (1 - 0.1 * (2 + 0.5 * 3.5))) < 1e-12)
  }

  @Test func `the first step stores the gradient as momentum`() {
    #expect(result(of: step(momentum: 0.5, isFirst: true)).momentum == 2)
  }

  @Test func `weight decay pulls to zero`() {
    #expect(abs(result(of: step(momentum: 0, decay: 0.5)).weight - (1 - 0.1 * 2.5)) < 1e-12)
  }

  @Test func `buffers of equal strides are stepped in channels last`() {
    let start = counting([2, 3, 2, 2])
    let weight = start.channelsLast
    let gradient = start.laidOut(like: weight)
    step(momentum: 0.9).apply(
      parameters: [weight], gradients: [gradient], momenta: [Tensor.zeros([2, 3, 2, 2]).laidOut(like: weight)])
    expectClose(weight, start * 0.9, within: 1e-5)
  }

  @Test func `a gradient or momentum of other strides is refused`() async {
    await #expect(processExitsWith: .failure) {
      let weight = Tensor.zeros([2, 3, 2, 2]).channelsLast
      let plain = Tensor.zeros([2, 3, 2, 2])
      SGDStep(learningRate: 0.1, momentum: 0, weightDecay: 0, nesterov: false, isFirst: false)
        .apply(parameters: [weight], gradients: [plain], momenta: [weight.clone])
    }
    await #expect(processExitsWith: .failure) {
      let weight = Tensor.zeros([2, 3, 2, 2]).channelsLast
      let plain = Tensor.zeros([2, 3, 2, 2])
      SGDStep(learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: false, isFirst: false)
        .apply(parameters: [weight], gradients: [weight.clone], momenta: [plain])
    }
  }
}
