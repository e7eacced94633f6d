import Testing
import Torch

/// Inputs that the fused loops do not take give what the operations one by one give, and repeat to the bit otherwise.
@Suite struct ActivatedNormCallTests {
  private let scale = Tensor.normal([8], using: Generator(seed: 1))
  private let shift = Tensor.normal([8], using: Generator(seed: 2))

  private func norm(_ scale: Tensor?, _ shift: Tensor?) -> Tensor.ActivatedNorm {
    Tensor.ActivatedNorm(
      scale: scale, shift: shift, mean: .zeros([8]), variance: .ones([8]), momentum: 0.1, epsilon: 1e-5)
  }

  private func images(seed: UInt64, _ shape: [Int] = [2, 8, 4, 4]) -> Tensor {
    Tensor.normal(shape, using: Generator(seed: seed))
  }

  /// relu(norm(x) + z) by libtorch's operations.
  private func plain(_ x: Tensor, adding z: Tensor) -> Tensor {
    let (output, _, _) = x.batchNormalizedInTraining(
      scale: scale, shift: shift, mean: .zeros([8]), variance: .ones([8]), momentum: 0.1, epsilon: 1e-5)
    return (output + z).relu
  }

  @Test func `the layout in memory changes nothing`() {
    let (x, z) = (images(seed: 3), images(seed: 4))
    let expected = plain(x, adding: z)
    for (a, b) in [(x, z), (x.channelsLast, z), (x, z.channelsLast), (x.channelsLast, z.channelsLast)] {
      expectClose(norm(scale, shift).trained(a, adding: b).output, expected, within: 1e-5)
    }
  }

  @Test func `an addend of another type or of one pixel is spread as an addition spreads it`() {
    let x = images(seed: 3).channelsLast
    for z in [images(seed: 4).to(.float64).channelsLast, images(seed: 4, [2, 8, 1, 1]).channelsLast] {
      expectClose(norm(scale, shift).trained(x, adding: z).output, plain(x, adding: z), within: 1e-5)
    }
  }

  @Test func `without γ and β the norm is the bare one`() {
    let x = images(seed: 3).channelsLast
    let found = norm(nil, nil).trained(x, adding: nil)
    let ones = norm(.ones([8]), .zeros([8])).trained(x, adding: nil)
    expectClose(found.output, ones.output, within: 1e-5)
    expectClose(found.variance, ones.variance, within: 1e-5)
  }

  @Test func `evaluation passes gradients on`() {
    let (x, z) = (images(seed: 3).channelsLast.leaf, images(seed: 4).channelsLast.leaf)
    let found = norm(scale, shift).evaluated(x, adding: z).sum.gradients(of: [x, z])
    let expected =
      (x.batchNormalized(
        scale: scale, shift: shift, mean: .zeros([8]), variance: .ones([8]), epsilon: 1e-5) + z).relu
    for (a, b) in zip(found, expected.sum.gradients(of: [x, z])) { expectClose(a, b, within: 1e-5) }
  }

  @Test func `one image of one pixel is evaluated`() {
    let (x, z) = (images(seed: 3, [1, 8, 1, 1]), images(seed: 4, [1, 8, 1, 1]))
    let expected =
      (x.batchNormalized(
        scale: scale, shift: shift, mean: .zeros([8]), variance: .ones([8]), epsilon: 1e-5) + z).relu
    expectClose(withoutGradients { norm(scale, shift).evaluated(x, adding: z) }, expected, within: 1e-5)
  }

  @Test func `the same twice is the same to the bit`() {
    func once() -> [[Double]] {
      let (x, z) = (images(seed: 3).channelsLast.leaf, images(seed: 4).channelsLast.leaf)
      let output = norm(scale, shift).trained(x, adding: z).output
      return [output.detached.doubles] + (output * output).sum.gradients(of: [x, z]).map(\.doubles)
    }
    #expect(once() == once())
  }

  @Test func `forward and backward give back what they took`() async {
    await #expect(processExitsWith: .success) {
      let tests = ActivatedNormCallTests()
      let (x, z) = (tests.images(seed: 3).channelsLast.leaf, tests.images(seed: 4).channelsLast.leaf)
      let before = Library.liveTensors
      for _ in 0..<10 {
        _ = tests.norm(tests.scale, tests.shift).trained(x, adding: z).output.sum.gradients(of: [x, z])
      }
      precondition(Library.liveTensors == before)
    }
  }
}
