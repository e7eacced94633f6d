import Testing
import Torch

/// Convolutions in one call give what they give one after another.
@Suite(.serialized) struct ConvolutionChainTests {
  /// A block with a shortcut, a pair of factors, one that halves the image, and two that read an earlier result.
  private struct Chain {
    let convolutions: [(convolution: PackedConvolution, input: Int, addend: Int?)]
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
      func alone(_ part: PackedConvolution.Part, relu: Bool = true) -> PackedConvolution {
        PackedConvolution(part, relu: relu, input: [batch, part.weight.shape[1], side, side], directly: true)
      }
      let n = channels
      convolutions = [
        (alone(part(n, n, [3, 3])), 0, nil),
        (alone(part(n, n, [3, 3])), 2, 1),
        (PackedConvolution(part(5, n, [3, 1]), part(n, 5, [1, 3]), relu: true), 3, 0),
        (alone(part(2 * n, n, [3, 3], stride: 2)), 4, nil),
        (alone(part(2 * n, n, [1, 1], stride: 2), relu: false), 2, 5),
        (alone(part(3, 2 * n, [1, 1])), 6, nil),
      ]
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
