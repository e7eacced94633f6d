import Testing
import Torch

/// 1×1 kernels that skip pixels of few channels, whose weight's gradient oneDNN would write past its memory: each in a
/// process of its own, which would die of it.
@Suite struct SkippedPixelTests {
  private typealias Case = ConvolutionTests.Case

  /// Strides that divide the image, as oneDNN wants it there, and others.
  private static func cases(channels: Int) -> [Case] {
    var cases = [[2, 2], [3, 3], [1, 2], [2, 1], [5, 2]].map { stride in
      Case(channels: channels, units: 20, kernel: [1, 1], geometry: .init(stride: stride), size: [24, 12], images: 8)
    }
    cases[0].hasBias = true
    cases.append(
      Case(
        channels: channels, units: 3, kernel: [1, 1], geometry: .init(stride: [2, 2], padding: [1, 0]), hasBias: true))
    return cases
  }

  /// The farthest that a result or gradient is from libtorch's in float64, of all channels and strides.
  private static func farthest(in dtype: Tensor.DType, _ channels: ClosedRange<Int>) -> Double {
    var farthest = 0.0
    for test in channels.flatMap(cases) {
      let expected = ConvolutionTests.trained(test, in: .float64)
      // Several times over: what is written past the end is seen when memory is given back.
      for _ in 0..<3 {
        for (a, b) in zip(ConvolutionTests.trained(test, in: dtype), expected) {
          precondition(a.shape == b.shape)
          farthest = max(farthest, ConvolutionTests.distance(a, b))
        }
      }
    }
    return farthest
  }

  @Test func `in float32 they train`() async {
    await #expect(processExitsWith: .success) {
      precondition(SkippedPixelTests.farthest(in: .float32, 1...17) < 2e-6)
    }
  }

  @Test func `under autocast to bfloat16 they train`() async {
    await #expect(processExitsWith: .success) {
      precondition(SkippedPixelTests.farthest(in: .bfloat16, 1...17) < 1.5e-2)
    }
  }

  @Test func `in float64 nothing is done to them`() async {
    await #expect(processExitsWith: .success) {
      precondition(SkippedPixelTests.farthest(in: .float64, 1...17) == 0)
    }
  }

  @Test(arguments: [2, 3, 6])
  func `in groups they train`(groups: Int) {
    let channels = 4 * groups
    func trained(_ dtype: Tensor.DType) -> [Tensor] {
      let generator = Generator(seed: 3)
      let x = Tensor.normal([2, channels, 8, 6], using: generator).to(dtype).channelsLast.leaf
      let weight = Tensor.normal([12, 4, 1, 1], using: generator).to(dtype).channelsLast.leaf
      let y = x.convolved(with: weight, bias: nil, .init(stride: [2, 2], padding: [1, 1], groups: groups))
      return [y.detached] + (y * y).sum.gradients(of: [x, weight])
    }
    for (a, b) in zip(trained(.float32), trained(.float64)) { #expect(ConvolutionTests.distance(a, b) < 2e-6) }
  }

  @Test(arguments: [true, false])
  func `the layout of the images stays`(isChannelsLast: Bool) {
    let images = Tensor.normal([2, 5, 8, 8], using: Generator(seed: 1))
    let weight = Tensor.normal([6, 5, 1, 1], using: Generator(seed: 2))
    let y = (isChannelsLast ? images.channelsLast : images).convolved(
      with: isChannelsLast ? weight.channelsLast : weight, bias: nil, .init(stride: [2, 2]))
    #expect(y.strides == (isChannelsLast ? y.channelsLast : y.contiguous).strides)
  }
}
