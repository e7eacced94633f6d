import Testing
import Torch

@Suite struct ActivatedNormTests {
  /// Output, new statistics and the gradients of x, γ, β and the residual, for Σ(output · weights).
  private func trained(
    channels: Int, residual: Bool, as dtype: Tensor.DType, from origin: Tensor.DType, size: Int = 6
  ) -> [Tensor] {
    let generator = Generator(seed: 7)
    let shape = [4, channels, size, size]
    func image() -> Tensor { Tensor.normal(shape, using: generator).to(origin).to(dtype).channelsLast }
    let offset = Tensor.normal([1, channels, 1, 1], using: generator) * 3
    let x = (Tensor.normal(shape, using: generator) * 2 + offset).to(origin).to(dtype).channelsLast.leaf
    let (other, weights) = (image().leaf, image())
    let of: Tensor.DType = dtype == .float64 ? .float64 : .float32
    func vector() -> Tensor { (Tensor.normal([channels], using: generator) * 0.3 + 1).to(of) }
    let (scale, shift) = (vector().leaf, vector().leaf)
    let norm = Tensor.ActivatedNorm(
      scale: scale, shift: shift, mean: .zeros([channels], dtype: of), variance: .ones([channels], dtype: of),
      momentum: 0.1, epsilon: 1e-5)
    let (output, mean, variance) = norm.trained(x, adding: residual ? other : nil)
    let gradients = (output * weights).sum.gradients(of: [x, scale, shift, other])
    return [output.detached, mean, variance] + gradients
  }

  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    let (a, b) = (a.to(.float64), b.to(.float64))
    let (error, size) = (((a - b) * (a - b)).sum.item, (b * b).sum.item)
    return size == 0 ? error.squareRoot() : (error / size).squareRoot()
  }

  @Test(arguments: [1, 5, 13, 16, 24, 64, 100], [false, true])
  func `float32 gives what libtorch gives in float64`(channels: Int, residual: Bool) {
    let found = trained(channels: channels, residual: residual, as: .float32, from: .float32)
    let expected = trained(channels: channels, residual: residual, as: .float64, from: .float32)
    for (a, b) in zip(found, expected) { #expect(distance(a, b) < 2e-6) }
  }

  @Test(arguments: [13, 16, 64], [false, true])
  func `bfloat16 is off by its rounding alone, statistics not at all`(channels: Int, residual: Bool) {
    let found = trained(channels: channels, residual: residual, as: .bfloat16, from: .bfloat16)
    let expected = trained(channels: channels, residual: residual, as: .float64, from: .bfloat16)
    for (index, (a, b)) in zip(found, expected).enumerated() {
      #expect(distance(a, b) < ([1, 2, 4, 5].contains(index) ? 5e-3 : 1e-2))
    }
  }

  @Test func `what does not come in whole vectors goes libtorch's way`() {
    let found = trained(channels: 3, residual: true, as: .float32, from: .float32, size: 5)
    let expected = trained(channels: 3, residual: true, as: .float64, from: .float32, size: 5)
    for (a, b) in zip(found, expected) { #expect(distance(a, b) < 1e-5) }
  }

  @Test func `the number of threads changes no bit`() async {
    await #expect(processExitsWith: .success) {
      let tests = ActivatedNormTests()
      func all(threads: Int) -> [[Double]] {
        Library.setThreads(threads)
        return tests.trained(channels: 24, residual: true, as: .float32, from: .float32, size: 32).map(\.doubles)
      }
      precondition(all(threads: 1) == all(threads: 2))
    }
  }

  @Test func `evaluation with fixed statistics adds and cuts`() {
    let x = Tensor((0..<32).map { Double($0) - 8 }, shape: [2, 4, 2, 2]).to(.float32).channelsLast
    let norm = Tensor.ActivatedNorm(
      scale: Tensor.ones([4]) * 2, shift: .ones([4]), mean: .ones([4]), variance: Tensor.ones([4]) * 4, momentum: 0.1,
      epsilon: 1e-12)
    let found = withoutGradients { norm.evaluated(x, adding: x) }
    #expect(distance(found, (x + x).relu) < 1e-6)
  }

  @Test func `a NaN is not cut to zero`() {
    let x = Tensor([Double.nan] + (1..<32).map(Double.init), shape: [2, 4, 2, 2]).to(.float32).channelsLast
    let norm = Tensor.ActivatedNorm(
      scale: .ones([4]), shift: .zeros([4]), mean: .zeros([4]), variance: .ones([4]), momentum: 0.1, epsilon: 1e-5)
    #expect(withoutGradients { norm.evaluated(x, adding: nil) }.doubles[0].isNaN)
    #expect(norm.trained(x, adding: nil).output.doubles[0].isNaN)
  }
}
