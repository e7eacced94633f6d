import Testing
import Torch

@Suite struct AdamWTests {
  /// w after three steps with rate 0.1, β₁ 0.9 and weight decay 0.05, from torch.optim.AdamW in float64.
  private static let expected = [
    [0.8950000005, -1.890000001, 0.4975],
    [0.7973070372060104, -1.9299689841037442, 0.42059882816435296],
    [0.8139562046618494, -1.9680328571285541, 0.36097385185085173],
  ]

  @Test func `three steps are PyTorch's`() {
    let w = Tensor([1.0, -2, 0.5], shape: [3])
    let (averages, squares) = (Tensor.zeros([3], dtype: .float64), Tensor.zeros([3], dtype: .float64))
    for (index, gradient) in [[2.0, -1, 0], [1, 3, 0.1], [-4, 0.5, 0]].enumerated() {
      AdamWStep(learningRate: 0.1, momentum: 0.9, weightDecay: 0.05, number: index + 1).apply(
        parameters: [w], gradients: [Tensor(gradient, shape: [3])], averages: [averages], squares: [squares])
      #expect(zip(w.doubles, Self.expected[index]).allSatisfy { abs($0 - $1) < 1e-12 }, "step \(index + 1)")
    }
  }

  @Test func `buffers of other strides are refused`() async {
    await #expect(processExitsWith: .failure) {
      let weight = Tensor.zeros([2, 3, 2, 2]).channelsLast
      AdamWStep(learningRate: 0.1, momentum: 0.9, weightDecay: 0, number: 1).apply(
        parameters: [weight], gradients: [weight.clone], averages: [weight.clone],
        squares: [Tensor.zeros([2, 3, 2, 2])])
    }
  }
}
