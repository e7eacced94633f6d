import Torch

/// An operation that multiplies patches of what it reads by a matrix W of one row per unit and one column per input and
/// tap (N × S), its weight flattened: what low rank and group sparsity are about (Alvarez & Salzmann 2017, section 3).
public protocol WeightedOperation: Operation, Hashable {
  /// Into how many groups inputs and units are split, each with a matrix of its own.
  var groups: Int { get }

  /// Whether zeros from outside of an image are read at its border.
  var padsWithZeros: Bool { get }

  /// The axis of the result along which the units lie.
  ///
  /// - Parameter rank: the number of the result's axes, without the batch.
  func unitAxis(rank: Int) -> Int

  /// The columns that W multiplies: inputs and taps × places.
  ///
  /// - Parameters:
  ///   - input: a batch of what the operation reads.
  ///   - shape: that of the weight.
  ///   - places: about how many places of an image are taken, spread evenly.
  func patches(of input: Tensor, weight shape: [Int], places: Int) -> Tensor

  /// What a factor does that takes only those of the kernel's axes (2 height, 3 width): stride, padding and dilation
  /// along the others are left to other factors.
  func restricted(to axes: [Int]) -> Self
}

extension WeightedOperation {
  /// Whether it does nothing along other axes of an image than these.
  func isRestricted(to axes: [Int]) -> Bool { restricted(to: axes) == self }
}

extension Convolution: WeightedOperation {
  public var groups: Int { geometry.groups }

  public var padsWithZeros: Bool { geometry.padding.contains { $0 > 0 } }

  public func unitAxis(rank: Int) -> Int { 0 }

  public func patches(of input: Tensor, weight shape: [Int], places: Int) -> Tensor {
    let area = input.shape[2] * input.shape[3] / (geometry.stride[0] * geometry.stride[1])
    let step = max(1, Int((Double(area) / Double(places)).squareRoot()))
    var geometry = geometry
    geometry.stride = geometry.stride.map { $0 * step }
    let patches = input.patches(kernel: Array(shape.dropFirst(2)), geometry)
    return patches.permuted([1, 0, 2]).reshaped([patches.shape[1], -1])
  }

  public func restricted(to axes: [Int]) -> Convolution {
    var part = ConvolutionGeometry()
    for axis in 0..<2 where axes.contains(axis + 2) {
      part.stride[axis] = geometry.stride[axis]
      part.padding[axis] = geometry.padding[axis]
      part.dilation[axis] = geometry.dilation[axis]
    }
    return Convolution(part)
  }
}

extension Linear: WeightedOperation {
  public var groups: Int { 1 }

  public var padsWithZeros: Bool { false }

  /// Of a vector the only axis; of tokens not that of the channels.
  public func unitAxis(rank: Int) -> Int { rank - 1 }

  /// Every token is a place, and all are taken.
  public func patches(of input: Tensor, weight shape: [Int], places: Int) -> Tensor {
    input.reshaped([-1, input.shape.last ?? 1]).transposed
  }

  public func restricted(to axes: [Int]) -> Linear { self }
}
