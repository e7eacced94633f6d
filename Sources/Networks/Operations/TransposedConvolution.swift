import Torch

/// A two-dimensional transposed convolution: every pixel that is read adds a multiple of its kernel to the result.
///
/// Its weight is units × inputs/groups × d_h × d_w, as that of `Convolution`, where PyTorch and ONNX have the inputs
/// first; so its units are rows of its matrix as those of every other layer. The geometry is that of the convolution
/// whose gradient it is: padding is cut off.
public struct TransposedConvolution: Operation, Hashable {
  public static let kind = "transposedConvolution"
  public var geometry: ConvolutionGeometry
  /// Rows and columns more at the end, of which strides leave the number open.
  public var outputPadding: [Int]

  public init(_ geometry: ConvolutionGeometry = ConvolutionGeometry(), outputPadding: [Int] = [0, 0]) {
    (self.geometry, self.outputPadding) = (geometry, outputPadding)
  }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    let weight = try geometry.weight(reading: inputs, parameters)
    try Expect.pair(outputPadding, "output padding", atLeast: 0)
    guard parameters[.weightScale] == nil else {
      throw NetworkError("has a weight of 8 bits, which transposed convolutions cannot have")
    }
    return [weight[0]] + (try extent(inputs[0], kernel: Array(weight[2...])))
  }

  private func extent(_ input: [Int], kernel: [Int]) throws -> [Int] {
    try (0..<2).map { axis in
      guard outputPadding[axis] < max(geometry.stride[axis], geometry.dilation[axis]) else {
        throw NetworkError(
          "has an output padding of \(outputPadding), expected less than the stride \(geometry.stride) or the dilation")
      }
      let reach = geometry.dilation[axis] * (kernel[axis] - 1) + 1
      let pixels =
        (input[axis + 1] - 1) * geometry.stride[axis] + reach + outputPadding[axis] - 2 * geometry.padding[axis]
      guard kernel[axis] > 0, pixels > 0 else {
        throw NetworkError("cuts off a padding of \(geometry.padding), which is all of what it makes")
      }
      return pixels
    }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].transposedConvolved(
      with: parameters.required(.weight), bias: parameters[.bias], geometry, outputPadding: outputPadding)
  }

  /// Every pixel that is read is multiplied with all of its group's weights.
  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int {
    (parameters[.weight] ?? []).reduce(1, *) * inputs[0][1] * inputs[0][2]
  }

  /// As those of a convolution with such a weight.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    Convolution(geometry).channels(of: site, &coupling)
  }

  public func resized(
    inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int
  ) -> TransposedConvolution {
    var result = self
    result.geometry = Convolution(geometry).resized(inputs: inputs, output: output, axes: axes, copies: copies).geometry
    return result
  }

  /// Of a constant other than zero, pixels get different multiples.
  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    affineValues(
      of: inputs[0], weight: parameters.required(.weight).flattened(from: 2), bias: parameters[.bias],
      groups: geometry.groups, changesConstants: true)
  }
}

extension TransposedConvolution: WeightedOperation {
  public var groups: Int { geometry.groups }

  /// Beside the pixels that are read, and between those that strides draw apart, there are zeros.
  public var padsWithZeros: Bool { true }

  public func unitAxis(rank: Int) -> Int { 0 }

  /// It is a convolution, with its kernel turned round, of the image with zeros between its pixels and around.
  public func patches(of input: Tensor, weight shape: [Int], places: Int) -> Tensor {
    let (kernel, channels) = (Array(shape[2...]), input.shape[1])
    let patches = drawnApart(input, kernel).patches(kernel: kernel, sampling(input, kernel, places: places))
    return patches.permuted([1, 0, 2]).reshaped([channels] + kernel + [-1])
      .selecting((0..<kernel[0]).reversed(), axis: 1).selecting((0..<kernel[1]).reversed(), axis: 2)
      .reshaped([channels * kernel[0] * kernel[1], -1])
  }

  /// Images with as many zeros between pixels, and around them, as a convolution with a stride of 1 wants.
  private func drawnApart(_ x: Tensor, _ kernel: [Int]) -> Tensor {
    let (shape, stride) = (x.shape, geometry.stride)
    let apart = x.reshaped([shape[0], shape[1], shape[2], 1, shape[3], 1])
      .padded([0, stride[1] - 1, 0, 0, 0, stride[0] - 1])
      .reshaped([shape[0], shape[1], shape[2] * stride[0], shape[3] * stride[1]])
    let around = [1, 0].flatMap { axis in
      let before = geometry.dilation[axis] * (kernel[axis] - 1) - geometry.padding[axis]
      return [before, before + outputPadding[axis] - (stride[axis] - 1)]
    }
    return apart.padded(around)
  }

  /// Steps that meet every place of a stride, since each is made of other taps.
  private func sampling(_ input: Tensor, _ kernel: [Int], places: Int) -> ConvolutionGeometry {
    let area = input.shape[2] * input.shape[3] * geometry.stride[0] * geometry.stride[1]
    var step = max(1, Int((Double(area) / Double(places)).squareRoot()))
    while step > 1, geometry.stride.contains(where: { !step.isCoprime(to: $0) }) { step -= 1 }
    return ConvolutionGeometry(stride: [step, step], dilation: geometry.dilation)
  }

  public func restricted(to axes: [Int]) -> TransposedConvolution {
    var part = TransposedConvolution()
    for axis in 0..<2 where axes.contains(axis + 2) {
      part.geometry.stride[axis] = geometry.stride[axis]
      part.geometry.padding[axis] = geometry.padding[axis]
      part.geometry.dilation[axis] = geometry.dilation[axis]
      part.outputPadding[axis] = outputPadding[axis]
    }
    return part
  }
}

extension Int {
  fileprivate func isCoprime(to other: Int) -> Bool {
    var (a, b) = (self, other)
    while b != 0 { (a, b) = (b, a % b) }
    return a == 1
  }
}
