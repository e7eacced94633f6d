import Foundation
import Testing
import Torch

/// Which kernels are in force. What reads the environment anew does so in a process of its own.
@Suite struct KernelsTests {
  /// What libtorch and the kernels in force make of the same convolution and norm, forward and backward.
  private static func farthest() -> Double {
    func trained(_ dtype: Tensor.DType) -> [Tensor] {
      let generator = Generator(seed: 1)
      func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: generator).to(dtype) }
      let x = normal([4, 16, 8, 8]).channelsLast.leaf
      let weight = normal([24, 16, 3, 3]).channelsLast.leaf
      let (scale, shift) = (normal([24]).leaf, normal([24]).leaf)
      let norm = Tensor.ActivatedNorm(
        scale: scale, shift: shift, mean: .zeros([24], dtype: dtype), variance: .ones([24], dtype: dtype),
        momentum: 0.1,
        epsilon: 1e-5)
      let y = norm.trained(x.convolved(with: weight, bias: nil, .init(padding: [1, 1])), adding: nil).output
      return [y.detached] + (y * y).sum.gradients(of: [x, weight, scale, shift])
    }
    let distances = zip(trained(.float32), trained(.float64)).map { ConvolutionTests.distance($0, $1) }
    return distances.max() ?? .infinity
  }

  @Test func `those that the environment names are in force, else the best that the processor has`() throws {
    let named = ProcessInfo.processInfo.environment["THRESH_KERNELS", default: ""]
    #expect(Kernels.inForce == Kernels(rawValue: named) ?? Kernels.available.last)
    #expect(try Kernels.read() == Kernels.inForce)
  }

  @Test func `libtorch alone can always be had`() { #expect(Kernels.available.first == .off) }

  @Test func `each kind gives what libtorch gives in float64, or is refused`() async {
    await #expect(processExitsWith: .success) {
      setenv("THRESH_KERNELS", "off", 1)
      KernelsTests.expectInForce(.off)
      // Read once.
      setenv("THRESH_KERNELS", "avx2", 1)
      KernelsTests.expectInForce(.off)
    }
    await #expect(processExitsWith: .success) {
      setenv("THRESH_KERNELS", "avx2", 1)
      KernelsTests.expectInForce(.avx2)
    }
    await #expect(processExitsWith: .success) {
      setenv("THRESH_KERNELS", "avx512", 1)
      KernelsTests.expectInForce(.avx512)
    }
  }

  /// Checks that kernels are in force and right, or refused with what there is where the processor does not have them.
  private static func expectInForce(_ kernels: Kernels) {
    do {
      let found = try Kernels.read()
      precondition(found == kernels && Kernels.inForce == kernels && farthest() < 2e-5)
      precondition(PackedConvolution.hasDirectKernels == (kernels != .off))
      precondition(kernels == .avx512 || !Library.multipliesBFloat16)
    } catch {
      let possible = Kernels.available.map(\.rawValue).joined(separator: ", ")
      precondition(!Kernels.available.contains(kernels))
      precondition(
        "\(error)" == "THRESH_KERNELS is \(kernels.rawValue), but this processor has \(possible); take one of these")
    }
  }

  @Test func `an unknown word is refused, by whatever would have to choose kernels`() async throws {
    await #expect(processExitsWith: .success) {
      setenv("THRESH_KERNELS", "AVX2", 1)
      do {
        _ = try Kernels.read()
        fatalError("an unknown word was taken for kernels")
      } catch {
        precondition("\(error)".hasPrefix("THRESH_KERNELS is AVX2, expected off, avx2 or avx512, of which this "))
      }
    }
    let convolution = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      setenv("THRESH_KERNELS", "fast", 1)
      _ = Tensor.ones([1, 1, 2, 2]).convolved(with: .ones([1, 1, 1, 1]), bias: nil, .init())
    }
    let packed = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      setenv("THRESH_KERNELS", "fast", 1)
      _ = PackedConvolution(
        .init(weight: .ones([1, 1, 1, 1]), bias: nil, .init()), relu: false, input: [1, 1, 2, 2])
    }
    for result in [convolution, packed] {
      let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(errors.contains("THRESH_KERNELS is fast, expected off, avx2 or avx512"), "\(errors)")
    }
  }

  @Test func `where no kernels are in force the shim refuses to compute a convolution itself`() async throws {
    let one = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      setenv("THRESH_KERNELS", "off", 1)
      let part = PackedConvolution.Part(weight: .ones([1, 1, 1, 1]), bias: nil, .init())
      _ = PackedConvolution(part, relu: false, input: [1, 1, 2, 2], directly: true)
    }
    let pair = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      setenv("THRESH_KERNELS", "off", 1)
      let part = PackedConvolution.Part(weight: .ones([1, 1, 1, 1]), bias: nil, .init())
      _ = PackedConvolution(part, part, relu: false)
    }
    for result in [one, pair] {
      let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(errors.contains("expected the kernels of AVX2 or AVX-512, found that none are in force"), "\(errors)")
    }
  }
}
