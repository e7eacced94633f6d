import Foundation

extension ImageOperations {
  /// Turned against the clock around the middle, by degrees.
  func rotate(degrees: Double) {
    // torchvision's rotate and affine count angles in opposite directions.
    resample(AffineMap(degrees: -degrees))
  }

  /// Sheared from the upper left corner: rows by `x` of their distance from it, columns by `y`.
  func shear(x: Double = 0, y: Double = 0) {
    let corner = (-0.5 * Double(shape.width), -0.5 * Double(shape.height))
    resample(AffineMap(shear: (atan(x), atan(y)), center: corner))
  }

  /// Moved by whole pixels, to the right and down.
  func translate(x: Int = 0, y: Int = 0) { resample(AffineMap(translation: (Double(x), Double(y)))) }

  /// Takes every pixel from the nearest place that `map` names, black from outside.
  private func resample(_ map: AffineMap) {
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    spare.update(from: pixels, count: shape.count)
    let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
    for y in 0..<height {
      for x in 0..<width {
        let (fromX, fromY) = map(Double(x) - middleX, Double(y) - middleY)
        let (column, row) = (Self.nearest(fromX + middleX), Self.nearest(fromY + middleY))
        let target = pixels + (y * width + x) * channels
        guard column >= 0, column < width, row >= 0, row < height else {
          for channel in 0..<channels { target[channel] = 0 }
          continue
        }
        let source = spare + (row * width + column) * channels
        if channels == 3 {
          (target[0], target[1], target[2]) = (source[0], source[1], source[2])
        } else {
          for channel in 0..<channels { target[channel] = source[channel] }
        }
      }
    }
  }

  /// The nearest whole number, of two the even one, as `grid_sample` rounds.
  @inline(__always)
  private static func nearest(_ value: Double) -> Int {
    // Adding 1.5·2⁵² leaves no bits behind the point.
    Int((value + 0x1.8p52) - 0x1.8p52)
  }
}

/// From a place in the result to the place in the source, both measured from the middle of the image.
///
/// Source: `_get_inverse_affine_matrix` in torchvision's `transforms/functional.py`.
private struct AffineMap {
  private let a, b, c, d: Double
  private var moved: (x: Double, y: Double)

  /// - Parameters:
  ///   - degrees: the rotation.
  ///   - translation: pixels to the right and down.
  ///   - shear: angles in radians.
  ///   - center: the place that rotation and shear leave where it is, from the middle.
  init(
    degrees: Double = 0, translation: (x: Double, y: Double) = (0, 0), shear: (x: Double, y: Double) = (0, 0),
    center: (x: Double, y: Double) = (0, 0)
  ) {
    let angle = degrees * .pi / 180
    // Rotation · shear; its determinant is 1, so that the inverse needs no division.
    let (p, q) = (
      cos(angle - shear.y) / cos(shear.y), -cos(angle - shear.y) * tan(shear.x) / cos(shear.y) - sin(angle)
    )
    let (r, s) = (
      sin(angle - shear.y) / cos(shear.y), -sin(angle - shear.y) * tan(shear.x) / cos(shear.y) + cos(angle)
    )
    (a, b, c, d) = (s, -q, -r, p)
    let (x, y) = (-center.x - translation.x, -center.y - translation.y)
    moved = (a * x + b * y + center.x, c * x + d * y + center.y)
  }

  @inline(__always)
  func callAsFunction(_ x: Double, _ y: Double) -> (Double, Double) {
    (a * x + b * y + moved.x, c * x + d * y + moved.y)
  }
}
