import Foundation
import Testing
import Torch

/// The row-major numbers 0, 1, 2, … in `shape`.
func counting(_ shape: [Int], dtype: Tensor.DType = .float32) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map(Double.init), shape: shape).to(dtype)
}

/// Checks that both have the same shape and elements within `tolerance`.
func expectClose(
  _ found: Tensor, _ expected: Tensor, within tolerance: Double = 0, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
  guard found.shape == expected.shape else { return }
  let difference = (found.to(.float64) - expected.to(.float64)).maximumMagnitude
  #expect(difference <= tolerance, sourceLocation: sourceLocation)
}
