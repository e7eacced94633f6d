import Testing
import Torch

/// Each runs in a process of its own, where no other test makes tensors.
@Suite struct LeakTests {
  @Test func `operations give back what they took`() async {
    await #expect(processExitsWith: .success) {
      let before = Library.liveTensors
      for seed in 0..<10 {
        let x = Tensor.normal([4, 4], dtype: .float64, using: Generator(seed: UInt64(seed)))
        _ = (x + x * 2).transposed.matmul(x).relu.sum.item
        _ = Tensor.concatenated([x, x], axis: 0).selecting([1, 3], axis: 0).padded([1, 1])
        _ = try x.singularValueDecomposition()
        _ = try x.matmul(x.transposed).symmetricEigen()
      }
      precondition(Library.liveTensors == before)
    }
  }

  @Test func `failures give back what they took`() async {
    await #expect(processExitsWith: .success) {
      let broken = Tensor([Double.nan, 1], shape: [1, 2])
      let before = Library.liveTensors
      for _ in 0..<10 {
        _ = try? broken.singularValueDecomposition()
        _ = try? broken.singularValues()
      }
      precondition(Library.liveTensors == before)
    }
  }

  @Test func `a tensor that lives is counted`() async {
    await #expect(processExitsWith: .success) {
      let before = Library.liveTensors
      let x = Tensor.zeros([2])
      precondition(Library.liveTensors == before + 1)
      withExtendedLifetime(x) {}
    }
  }

  @Test func `gradients and optimiser steps give back what they took`() async {
    await #expect(processExitsWith: .success) {
      let weight = Tensor.ones([3, 4]).leaf
      let momentum = Tensor.zeros([3, 4])
      let before = Library.liveTensors
      for seed in 0..<10 {
        let x = Tensor.normal([2, 4], using: Generator(seed: UInt64(seed)))
        let loss = withBFloat16Autocast { x.linear(weight, bias: nil) }.to(.float32).sum
        SGDStep(learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: true, isFirst: false)
          .apply(parameters: [weight], gradients: loss.gradients(of: [weight]), momenta: [momentum])
      }
      precondition(Library.liveTensors == before)
    }
  }
}
