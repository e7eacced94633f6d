import Testing
import Torch

/// Convolutions in a training, by whatever kernels are in force. The truth is libtorch's convolution in float64, which
/// the shim never computes by kernels of its own.
@Suite struct ConvolutionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var (channels, units): (Int, Int)
    var kernel: [Int]
    var geometry: ConvolutionGeometry
    var size = [9, 11]
    var images = 3
    var hasBias = false
    var testDescription: String { "\(channels)→\(units), \(kernel), \(geometry), \(images) of \(size)" }
  }

  /// The result and the gradients of images, weight and bias, for Σ(result · g).
  static func trained(_ test: Case, in dtype: Tensor.DType) -> [Tensor] {
    let generator = Generator(seed: 5)
    func rounded(_ shape: [Int]) -> Tensor { Tensor.normal(shape, using: generator).to(.bfloat16) }
    let parameters: Tensor.DType = dtype == .bfloat16 ? .float32 : dtype
    let x = rounded([test.images, test.channels] + test.size).to(dtype).channelsLast.leaf
    let weight = rounded([test.units, test.channels] + test.kernel).to(parameters).channelsLast.leaf
    let bias = test.hasBias ? rounded([test.units]).to(parameters).leaf : nil
    func run() -> Tensor { x.convolved(with: weight, bias: bias, test.geometry) }
    let result = dtype == .bfloat16 ? withBFloat16Autocast(run) : run()
    let g = rounded(result.shape).to(dtype).channelsLast
    return [result.detached] + (result * g).sum.gradients(of: [x, weight] + (bias.map { [$0] } ?? []))
  }

  static func distance(_ a: Tensor, _ b: Tensor) -> Double {
    let (a, b) = (a.to(.float64), b.to(.float64))
    return (((a - b) * (a - b)).sum.item / (b * b).sum.item).squareRoot()
  }

  private static let cases: [Case] = [
    Case(channels: 16, units: 8, kernel: [3, 1], geometry: .init(padding: [1, 0]), size: [32, 32], images: 4),
    Case(channels: 8, units: 16, kernel: [1, 3], geometry: .init(padding: [0, 1]), size: [32, 32], images: 5),
    Case(channels: 16, units: 16, kernel: [3, 3], geometry: .init(padding: [1, 1])),
    Case(channels: 3, units: 16, kernel: [3, 3], geometry: .init(padding: [1, 1]), hasBias: true),
    Case(channels: 7, units: 5, kernel: [3, 3], geometry: .init(padding: [1, 1])),
    Case(channels: 1, units: 1, kernel: [1, 1], geometry: .init(), images: 1),
    Case(channels: 11, units: 32, kernel: [1, 3], geometry: .init(stride: [1, 2], padding: [0, 1])),
    Case(channels: 16, units: 11, kernel: [3, 1], geometry: .init(stride: [2, 1], padding: [1, 0])),
    Case(channels: 32, units: 27, kernel: [3, 3], geometry: .init(stride: [2, 2], padding: [1, 1])),
    Case(channels: 37, units: 64, kernel: [1, 1], geometry: .init(), size: [8, 8], images: 6),
    Case(channels: 64, units: 31, kernel: [3, 1], geometry: .init(padding: [1, 0]), size: [8, 8]),
    Case(channels: 20, units: 40, kernel: [5, 5], geometry: .init(padding: [2, 2]), hasBias: true),
    Case(channels: 6, units: 17, kernel: [3, 3], geometry: .init(padding: [2, 0], dilation: [2, 2])),
    Case(channels: 3, units: 33, kernel: [7, 7], geometry: .init(stride: [2, 2], padding: [3, 3]), size: [40, 56]),
    Case(channels: 9, units: 12, kernel: [2, 4], geometry: .init()),
    Case(channels: 16, units: 18, kernel: [3, 3], geometry: .init(padding: [1, 1]), size: [5, 300], images: 2),
  ]

  @Test(arguments: cases)
  func `float32 gives what libtorch gives in float64`(test: Case) {
    let (found, expected) = (Self.trained(test, in: .float32), Self.trained(test, in: .float64))
    for (index, (a, b)) in zip(found, expected).enumerated() {
      #expect(a.shape == b.shape)
      #expect(Self.distance(a, b) < 2e-6, "of output \(index)")
    }
  }

  @Test(arguments: cases)
  func `bfloat16 is off by its rounding`(test: Case) {
    let (found, expected) = (Self.trained(test, in: .bfloat16), Self.trained(test, in: .float64))
    // Rounding to bfloat16 is 2⁻⁹ of a value at most; where libtorch sums in it, more than one is made.
    for (index, (a, b)) in zip(found, expected).enumerated() {
      #expect(a.shape == b.shape)
      #expect(Self.distance(a, b) < 1.5e-2, "of output \(index)")
    }
  }

  @Test(.enabled(if: Library.multipliesBFloat16, "the kernels in force do not multiply bfloat16"), arguments: cases)
  func `bfloat16 by kernels of its own is rounded once, the gradients of weights not at all`(test: Case) {
    let (found, expected) = (Self.trained(test, in: .bfloat16), Self.trained(test, in: .float64))
    for (index, (a, b)) in zip(found, expected).enumerated() {
      #expect(Self.distance(a, b) < (index < 2 ? 3e-3 : 1e-5), "of output \(index)")
    }
  }

  @Test(.enabled(if: Kernels.inForce == .avx512, "libtorch's convolutions are in force, which promise no such thing"))
  func `the number of threads changes no bit`() async {
    // Exit tests capture nothing.
    await #expect(processExitsWith: .success) {
      let test = Case(
        channels: 13, units: 24, kernel: [3, 3], geometry: .init(padding: [1, 1]), size: [32, 32], images: 21)
      func all(threads: Int) -> [[Double]] {
        Library.setThreads(threads)
        return [.float32, .bfloat16].flatMap { ConvolutionTests.trained(test, in: $0).map(\.doubles) }
      }
      precondition(all(threads: 1) == all(threads: 2))
    }
  }

  @Test func `a NaN stays where it reaches`() {
    var values = [Double](repeating: 1, count: 2 * 2 * 6 * 6)
    values[0] = .nan
    let x = Tensor(values, shape: [2, 2, 6, 6]).to(.bfloat16).channelsLast
    let weight = Tensor.ones([3, 2, 3, 3]).channelsLast
    let y = withBFloat16Autocast { x.convolved(with: weight, bias: nil, .init(padding: [1, 1])) }
    let isNaN = y.to(.float64).doubles.map(\.isNaN)
    #expect(isNaN.filter { $0 }.count == 3 * 4)
    #expect(isNaN[0] && isNaN[7] && !isNaN[2])
  }

  @Test(arguments: [[1, 64, 8, 8], [2, 3, 7, 5], [3, 1, 1, 1], [1, 20, 112, 112], [0, 4, 2, 2]], [true, false])
  func `the mean over all pixels is what float64 gives, with gradients and without`(shape: [Int], recording: Bool)
    throws
  {
    let images = Tensor.normal(shape, using: Generator(seed: 0)).channelsLast
    let wanted = images.to(.float64).globalAveragePooled
    let made = recording ? images.globalAveragePooled : withoutGradients { images.globalAveragePooled }
    #expect(made.shape == [shape[0], shape[1], 1, 1] && made.dtype == .float32)
    for (a, b) in zip(made.doubles, wanted.doubles) { #expect(abs(a - b) < 1e-6) }
  }
}
