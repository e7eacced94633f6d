import Foundation
import Torch

/// A weight as whole numbers from −127 to 127 and a scale for each unit: w ≈ scale · q, zero is zero.
struct Int8Weights {
  /// The whole numbers, a byte each.
  let numbers: Data
  /// One for each unit, of the type that they are stored in.
  let scales: Tensor

  /// Weights with fewer numbers stay as they are: they save little. coremltools has the same bound.
  static let fewest = 2048

  /// - Parameter type: the scales', by which whole numbers are found as they are read.
  init(_ weight: Tensor, scales type: Tensor.DType) {
    let rows = weight.to(.float32).flattened(from: 1)
    let largest = rows.magnitude.max(axes: [1], keepingAxes: true)
    // Above zero in float16 too; a unit of zeros stays one.
    let scales = (largest / 127).clamped(to: 6e-8...Double.infinity).to(type)
    numbers = Data(
      (rows / scales.to(.float32)).contiguous.values(as: Float.self).map { quotient in
        UInt8(bitPattern: Int8(min(max(quotient.rounded(.toNearestOrEven), -127), 127)))
      })
    self.scales = scales.reshaped([weight.shape[0]])
  }
}
