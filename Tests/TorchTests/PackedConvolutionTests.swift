import Testing
import Torch

/// Convolutions made ready for use, by every engine there is, against libtorch's plain one in float64, which the shim
/// never computes by kernels of its own.
@Suite struct PackedConvolutionTests {
  /// What a convolution is given: units, channels, kernel, image, geometry.
  struct Case: CustomTestStringConvertible, Sendable {
    var units: Int
    var channels: Int
    var kernel: [Int]
    var image: [Int]
    var stride = [1, 1]
    var padding = [0, 0]
    var dilation = [1, 1]

    var testDescription: String {
      "\(channels) → \(units), \(kernel), \(image), stride \(stride), padding \(padding), dilation \(dilation)"
    }
    var geometry: ConvolutionGeometry { ConvolutionGeometry(stride: stride, padding: padding, dilation: dilation) }
  }

  private static let cases = [
    Case(units: 16, channels: 16, kernel: [3, 3], image: [32, 32], padding: [1, 1]),
    Case(units: 32, channels: 16, kernel: [3, 3], image: [32, 32], stride: [2, 2], padding: [1, 1]),
    Case(units: 48, channels: 5, kernel: [1, 1], image: [7, 7]),
    Case(units: 40, channels: 7, kernel: [1, 1], image: [9, 10], stride: [2, 2]),
    Case(units: 7, channels: 33, kernel: [3, 1], image: [8, 8], padding: [1, 0]),
    Case(units: 17, channels: 4, kernel: [1, 3], image: [8, 11], stride: [1, 2], padding: [0, 1]),
    Case(
      units: 5, channels: 3, kernel: [3, 5], image: [14, 13], stride: [2, 1], padding: [2, 4], dilation: [2, 2]),
    Case(units: 1, channels: 1, kernel: [1, 1], image: [1, 1]),
    Case(units: 33, channels: 2, kernel: [4, 4], image: [4, 4]),
    Case(units: 6, channels: 1, kernel: [5, 5], image: [28, 28], padding: [2, 2]),
    // Units that leave lanes idle are computed two or four channels at a time: 8, 4, 8 and 4, with channels left over.
    Case(units: 7, channels: 16, kernel: [3, 1], image: [32, 32], padding: [1, 0]),
    Case(units: 8, channels: 15, kernel: [3, 3], image: [9, 17], stride: [2, 2], padding: [1, 1]),
    Case(units: 3, channels: 19, kernel: [1, 3], image: [8, 8], padding: [0, 1]),
    Case(units: 12, channels: 32, kernel: [3, 1], image: [16, 16], stride: [2, 1], padding: [1, 0]),
    Case(units: 27, channels: 18, kernel: [3, 3], image: [8, 8], padding: [2, 2], dilation: [2, 2]),
    Case(units: 52, channels: 21, kernel: [1, 1], image: [5, 3]),
    Case(units: 2, channels: 8, kernel: [5, 1], image: [6, 1], padding: [2, 0]),
  ]

  private struct Given {
    var images: Tensor
    var weight: Tensor
    var bias: Tensor
    var addend: Tensor

    init(_ shape: Case, batch: Int) {
      func normal(_ shape: [Int], _ seed: UInt64) -> Tensor { .normal(shape, using: Generator(seed: seed)) }
      images = normal([batch, shape.channels] + shape.image, 1).channelsLast
      weight = normal([shape.units, shape.channels] + shape.kernel, 2)
      bias = normal([shape.units], 3)
      addend = normal(images.convolved(with: weight, bias: nil, shape.geometry).shape, 4)
    }

    /// What libtorch makes of images, these or others, in float64.
    func plain(_ geometry: ConvolutionGeometry, of images: Tensor? = nil, biased: Bool = true) -> Tensor {
      (images ?? self.images).to(.float64).convolved(
        with: weight.to(.float64), bias: biased ? bias.to(.float64) : nil, geometry)
    }
  }

  private func expectNear(_ a: Tensor, _ b: Tensor) {
    #expect(a.shape == b.shape)
    #expect((a.to(.float64) - b.to(.float64)).maximumMagnitude <= 2e-5 * b.to(.float64).maximumMagnitude)
  }

  /// By oneDNN, and directly where kernels are in force.
  private static let engines = PackedConvolution.hasDirectKernels ? [false, true] : [false]

  @Test(arguments: cases, engines)
  func `every engine gives what libtorch's convolution gives`(shape: Case, directly: Bool) {
    for batch in [1, 3] {
      let given = Given(shape, batch: batch)
      let plain = given.plain(shape.geometry)
      func packed(_ bias: Tensor?, relu: Bool) -> PackedConvolution {
        PackedConvolution(
          .init(weight: given.weight, bias: bias, shape.geometry), relu: relu, input: given.images.shape,
          directly: directly)
      }
      expectNear(packed(given.bias, relu: false)(given.images), plain)
      expectNear(packed(given.bias, relu: true)(given.images, adding: given.addend), (plain + given.addend).relu)
      let bare = given.plain(shape.geometry, biased: false)
      expectNear(packed(nil, relu: true)(given.images), bare.relu)
      // Memory in another order is read rightly too.
      expectNear(packed(given.bias, relu: false)(given.images.contiguous), plain)
    }
  }

  /// Pairs of factors: units of the first, then what the second is given.
  private static let pairs = [
    (Case(units: 7, channels: 16, kernel: [3, 1], image: [32, 32], padding: [1, 0]), 16, [1, 3], [0, 1], [1, 1]),
    (Case(units: 12, channels: 16, kernel: [1, 1], image: [32, 32]), 13, [3, 3], [1, 1], [1, 1]),
    (Case(units: 20, channels: 33, kernel: [3, 3], image: [9, 8], padding: [1, 1]), 40, [1, 1], [0, 0], [1, 1]),
    (
      Case(units: 3, channels: 19, kernel: [3, 1], image: [15, 9], stride: [2, 1], padding: [1, 0]),
      64, [1, 3], [0, 1], [1, 2]
    ),
    (Case(units: 5, channels: 7, kernel: [1, 1], image: [8, 8]), 9, [3, 3], [1, 1], [2, 2]),
    // Larger than what is kept between the two at once.
    (Case(units: 33, channels: 4, kernel: [5, 5], image: [70, 90], padding: [2, 2]), 3, [5, 3], [4, 0], [3, 1]),
  ]

  @Test(.enabled(if: PackedConvolution.hasDirectKernels, "no kernels are in force"), arguments: pairs.indices, [1, 3])
  func `two convolutions as one give what one after the other gives`(index: Int, batch: Int) {
    let (first, units, kernel, padding, stride) = Self.pairs[index]
    let given = Given(first, batch: batch)
    let between = given.plain(first.geometry)
    let second = Given(
      Case(
        units: units, channels: first.units, kernel: kernel, image: Array(between.shape.suffix(2)), stride: stride,
        padding: padding), batch: batch)
    let geometry = ConvolutionGeometry(stride: stride, padding: padding)
    let plain = second.plain(geometry, of: between)
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    for (count, adds, relu) in [(1, false, false), (3, true, true)] {
      Library.setThreads(count)
      let pair = PackedConvolution(
        .init(weight: given.weight, bias: given.bias, first.geometry),
        .init(weight: second.weight, bias: second.bias, geometry), relu: relu)
      let sum = adds ? plain + second.addend : plain
      expectNear(pair(given.images, adding: adds ? second.addend : nil), relu ? sum.relu : sum)
    }
  }

  @Test(.enabled(if: PackedConvolution.hasDirectKernels, "no kernels are in force"), arguments: cases)
  func `the shim's results do not depend on threads`(shape: Case) {
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    let given = Given(shape, batch: 2)
    let packed = PackedConvolution(
      .init(weight: given.weight, bias: given.bias, shape.geometry), relu: true, input: given.images.shape,
      directly: true)
    let results = [1, 2, 3].map { count -> [Double] in
      Library.setThreads(count)
      return packed(given.images, adding: given.addend).doubles
    }
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test(arguments: engines)
  func `no images give no results`(directly: Bool) {
    let packed = PackedConvolution(
      .init(weight: .ones([4, 3, 3, 3]), bias: nil, ConvolutionGeometry(padding: [1, 1])), relu: true,
      input: [1, 3, 8, 8], directly: directly)
    #expect(packed(.zeros([0, 3, 8, 8])).shape == [0, 4, 8, 8])
  }

  // oneDNN's ReLU makes zero of it.
  @Test(.enabled(if: PackedConvolution.hasDirectKernels, "no kernels are in force"))
  func `NaN passes a ReLU of the shim's, so that it is seen`() {
    let images = Tensor([Float.nan, 1, 2, 3], shape: [1, 1, 2, 2])
    let packed = PackedConvolution(
      .init(weight: .ones([1, 1, 1, 1]), bias: nil, ConvolutionGeometry()), relu: true, input: images.shape,
      directly: true)
    let values = packed(images).doubles
    #expect(values[0].isNaN && values.dropFirst() == [1, 2, 3])
  }
}
