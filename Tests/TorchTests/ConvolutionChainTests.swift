import Testing
import Torch

/// Convolutions in one call give what they give one after another, and what libtorch's plain ones give in float64.
@Suite(.serialized, .enabled(if: PackedConvolution.hasDirectKernels, "no kernels are in force"))
struct ConvolutionChainTests {
  /// A block with a shortcut, a pair of factors, one that halves the image, and two that read an earlier result.
  private struct Chain {
    let convolutions: [(convolution: PackedConvolution, input: Int, addend: Int?)]
    /// What the same convolutions are made of: of a pair both, and whether a ReLU follows.
    let parts: [(parts: [PackedConvolution.Part], relu: Bool)]
    let images: Tensor, other: Tensor

    /// - Parameter side: of the images, in pixels.
    init(batch: Int, channels: Int, side: Int) {
      let generator = Generator(seed: UInt64(batch + channels))
      func part(_ units: Int, _ inputs: Int, _ kernel: [Int], stride: Int = 1) -> PackedConvolution.Part {
        let weight = Tensor.normal([units, inputs] + kernel, using: generator) * 0.2
        return .init(
          weight: weight, bias: .normal([units], using: generator),
          ConvolutionGeometry(stride: [stride, stride], padding: kernel.map { $0 / 2 }))
      }
      let n = channels
      parts = [
        ([part(n, n, [3, 3])], true),
        ([part(n, n, [3, 3])], true),
        ([part(5, n, [3, 1]), part(n, 5, [1, 3])], true),
        ([part(2 * n, n, [3, 3], stride: 2)], true),
        ([part(2 * n, n, [1, 1], stride: 2)], false),
        ([part(3, 2 * n, [1, 1])], true),
      ]
      let reads: [(input: Int, addend: Int?)] = [(0, nil), (2, 1), (3, 0), (4, nil), (2, 5), (6, nil)]
      convolutions = zip(parts, reads).map { made, reads in
        let first = made.parts[0]
        let convolution =
          made.parts.count > 1
          ? PackedConvolution(first, made.parts[1], relu: made.relu)
          : PackedConvolution(
            first, relu: made.relu, input: [batch, first.weight.shape[1], side, side], directly: true)
        return (convolution, reads.input, reads.addend)
      }
      images = .normal([batch, n, side, side], using: generator)
      other = .normal([batch, n, side, side], using: generator)
    }

    func oneByOne() -> Tensor {
      var values = [images, other]
      for (convolution, input, addend) in convolutions {
        values.append(convolution(values[input], adding: addend.map { values[$0] }))
      }
      return values[values.count - 1]
    }

    /// By libtorch in float64.
    func plain() -> Tensor {
      var values = [images.to(.float64), other.to(.float64)]
      for ((parts, relu), (_, input, addend)) in zip(parts, convolutions) {
        var value = values[input]
        for part in parts {
          value = value.convolved(with: part.weight.to(.float64), bias: part.bias?.to(.float64), part.geometry)
        }
        if let addend { value = value + values[addend] }
        values.append(relu ? value.relu : value)
      }
      return values[values.count - 1]
    }

    func together(_ finished: ((Int) -> Void)? = nil) -> Tensor {
      let steps = convolutions.map { ConvolutionChain.Step($0, reading: $1, adding: $2) }
      return ConvolutionChain(steps)([images, other], finished: finished)
    }
  }

  @Test(arguments: [(1, 16, 32), (1, 7, 9), (3, 20, 16), (0, 4, 8), (2, 1, 1)])
  func `a chain gives what its steps give, to the bit, on any number of threads`(
    batch: Int, channels: Int, side: Int
  ) {
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    let chain = Chain(batch: batch, channels: channels, side: side)
    Library.setThreads(1)
    let wanted = chain.oneByOne()
    // More threads than there are processors have to wait for one another without any of them starving.
    for count in [1, 2, 3, 5] {
      Library.setThreads(count)
      let made = chain.together()
      #expect(made.shape == wanted.shape && made.doubles == wanted.doubles)
    }
    let plain = chain.plain()
    #expect((wanted.to(.float64) - plain).maximumMagnitude <= 2e-5 * plain.maximumMagnitude)
  }

  @Test func `chains on several threads at once, each on one, do not wait for threads that never come`() throws {
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    Library.setThreads(2)
    let chain = Chain(batch: 1, channels: 16, side: 32)
    let wanted = chain.oneByOne().doubles
    let results = try Library.parallel(6) { _ in chain.together().doubles }
    #expect(results.allSatisfy { $0 == wanted })
  }

  @Test(arguments: [1, 2])
  func `every step tells when it is done, in order`(threads: Int) {
    let before = Library.threads
    defer { Library.setThreads(before) }
    Library.setThreads(threads)
    var steps: [Int] = []
    _ = Chain(batch: 1, channels: 16, side: 32).together { steps.append($0) }
    #expect(steps == Array(0..<6))
  }

  @Test func `a thousand chains in a row end`() {
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    Library.setThreads(2)
    let chain = Chain(batch: 1, channels: 16, side: 16)
    let wanted = chain.together().doubles
    for _ in 0..<1000 { #expect(chain.together().doubles == wanted) }
  }
}
