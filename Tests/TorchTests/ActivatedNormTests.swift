import Testing
import Torch

@Suite struct ActivatedNormTests {
  /// Output, new statistics and the gradients of x, γ, β and the residual, for Σ(output · weights).
  private func trained(
    channels: Int, residual: Bool, as dtype: Tensor.DType, from origin: Tensor.DType, size: Int = 6,
    window: [Int] = [1, 1]
  ) -> [Tensor] {
    let generator = Generator(seed: 7)
    let shape = [4, channels, size, size]
    func image(_ shape: [Int]) -> Tensor {
      Tensor.normal(shape, using: generator).to(origin).to(dtype).channelsLast
    }
    let offset = Tensor.normal([1, channels, 1, 1], using: generator) * 3
    let x = (Tensor.normal(shape, using: generator) * 2 + offset).to(origin).to(dtype).channelsLast.leaf
    let (other, weights) = (image(shape).leaf, image([4, channels, size / window[0], size / window[1]]))
    let of: Tensor.DType = dtype == .float64 ? .float64 : .float32
    // Of either sign: where the scale is negative, the least value of a window becomes the largest.
    func vector(_ spread: Double) -> Tensor { (Tensor.normal([channels], using: generator) * spread + 1).to(of) }
    let (scale, shift) = (vector(window == [1, 1] ? 0.3 : 2).leaf, vector(0.3).leaf)
    let norm = Tensor.ActivatedNorm(
      scale: scale, shift: shift, mean: .zeros([channels], dtype: of), variance: .ones([channels], dtype: of),
      momentum: 0.1, epsilon: 1e-5, window: window)
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

  @Test(arguments: [13, 16, 20, 24, 64, 100], [[2, 2], [3, 2], [1, 3], [6, 6]])
  func `the largest of windows is libtorch's, with its gradients`(channels: Int, window: [Int]) {
    // With less than a vector of channels, and without kernels, libtorch pools, of values already rounded, of which
    // more are equal.
    for dtype in [Tensor.DType.float32] + (channels < 16 || Kernels.inForce == .off ? [] : [.bfloat16]) {
      let found = trained(channels: channels, residual: false, as: dtype, from: dtype, window: window)
      let expected = trained(channels: channels, residual: false, as: .float64, from: dtype, window: window)
      for (a, b) in zip(found, expected) { #expect(distance(a, b) < (dtype == .float32 ? 4e-6 : 1e-2)) }
    }
  }

  // libtorch's operations one by one round before the ReLU, which changes whose gradient passes it.
  @Test(arguments: [13, 16, 64], Kernels.inForce == .off ? [false] : [false, true])
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

  @Test(.enabled(if: Kernels.inForce != .off, "libtorch's norms are in force, which promise no such thing"))
  func `the number of threads changes no bit`() async {
    await #expect(processExitsWith: .success) {
      let tests = ActivatedNormTests()
      func all(threads: Int) -> [[Double]] {
        Library.setThreads(threads)
        let added = tests.trained(channels: 24, residual: true, as: .float32, from: .float32, size: 32)
        let pooled = tests.trained(
          channels: 24, residual: false, as: .float32, from: .float32, size: 32, window: [2, 2])
        return (added + pooled).map(\.doubles)
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

  @Test(arguments: [Tensor.DType.float32, .bfloat16])
  func `the largest of windows is to the bit what pooling the norm's result gives`(dtype: Tensor.DType) {
    let generator = Generator(seed: 11)
    let x = Tensor.normal([4, 40, 6, 6], using: generator).to(dtype).channelsLast
    var norm = Tensor.ActivatedNorm(
      scale: Tensor.normal([40], using: generator), shift: .normal([40], using: generator), mean: .zeros([40]),
      variance: .ones([40]), momentum: 0.1, epsilon: 1e-5)
    let expected = norm.trained(x, adding: nil).output.maxPooled(PoolingGeometry(kernel: [3, 2]))
    norm.window = [3, 2]
    #expect(norm.trained(x, adding: nil).output.doubles == expected.doubles)
  }

  @Test func `of equal values in a window the first has the gradient, as libtorch has it`() {
    let x = Tensor((0..<128).map { Double($0 / 16 % 2) }, shape: [2, 16, 2, 2]).to(.float32).channelsLast.leaf
    let equal = (Tensor.zeros([1, 16, 4, 4]) + 2).to(.float32).channelsLast.leaf
    for image in [x, equal] {
      let norm = Tensor.ActivatedNorm(
        scale: .ones([16]), shift: .ones([16]), mean: .zeros([16]), variance: .ones([16]), momentum: 0.1,
        epsilon: 1e-5, window: [2, 2])
      let (plain, _, _) = image.batchNormalizedInTraining(
        scale: .ones([16]), shift: .ones([16]), mean: .zeros([16]), variance: .ones([16]), momentum: 0.1,
        epsilon: 1e-5)
      let expected = plain.relu.maxPooled(PoolingGeometry(kernel: [2, 2]))
      let found = norm.trained(image, adding: nil).output
      expectClose(found, expected, within: 1e-5)
      expectClose(
        (found * found).sum.gradients(of: [image])[0], (expected * expected).sum.gradients(of: [image])[0],
        within: 1e-4)
    }
  }

  @Test func `a NaN is not cut to zero`() {
    let x = Tensor([Double.nan] + (1..<32).map(Double.init), shape: [2, 4, 2, 2]).to(.float32).channelsLast
    let norm = Tensor.ActivatedNorm(
      scale: .ones([4]), shift: .zeros([4]), mean: .zeros([4]), variance: .ones([4]), momentum: 0.1, epsilon: 1e-5)
    #expect(withoutGradients { norm.evaluated(x, adding: nil) }.doubles[0].isNaN)
    #expect(norm.trained(x, adding: nil).output.doubles[0].isNaN)
    for place in 0..<4 {
      var values = Array(repeating: 1.0, count: 16 * 4)
      values[place] = .nan
      let image = Tensor(values, shape: [1, 16, 2, 2]).to(.float32).channelsLast
      let pooling = Tensor.ActivatedNorm(
        scale: .ones([16]), shift: .zeros([16]), mean: .zeros([16]), variance: .ones([16]), momentum: 0.1,
        epsilon: 1e-5, window: [2, 2])
      #expect(withoutGradients { pooling.evaluated(image, adding: nil) }.doubles.map(\.isNaN).firstIndex(of: true) == 0)
    }
  }
}
