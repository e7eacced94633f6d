import Foundation

/// A rectangle of an image, drawn by area and aspect.
struct RandomPart: Equatable {
  var top = 0
  var left = 0
  var height: Int
  var width: Int

  /// The part that `RandomResizedCrop.get_params` chooses: ten tries, then the largest middle part of an allowed
  /// aspect.
  init(
    ofHeight wholeHeight: Int, width wholeWidth: Int, area: ClosedRange<Double>, aspect: ClosedRange<Double>,
    random: inout RandomStream
  ) {
    for _ in 0..<10 {
      let target = Double(wholeHeight * wholeWidth) * random.uniform(area.lowerBound, area.upperBound)
      let ratio = exp(random.uniform(log(aspect.lowerBound), log(aspect.upperBound)))
      let width = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let height = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      guard 1...wholeWidth ~= width, 1...wholeHeight ~= height else { continue }
      (self.height, self.width) = (height, width)
      top = random.below(wholeHeight - height + 1)
      left = random.below(wholeWidth - width + 1)
      return
    }
    (height, width) = (wholeHeight, wholeWidth)
    let whole = Double(wholeWidth) / Double(wholeHeight)
    if whole < aspect.lowerBound { height = Int((Double(width) / aspect.lowerBound).rounded(.toNearestOrEven)) }
    if whole > aspect.upperBound { width = Int((Double(height) * aspect.upperBound).rounded(.toNearestOrEven)) }
    // A strip one pixel wide would round to nothing.
    (height, width) = (min(max(height, 1), wholeHeight), min(max(width, 1), wholeWidth))
    (top, left) = ((wholeHeight - height) / 2, (wholeWidth - width) / 2)
  }

  /// The part that `RandomErasing` takes out by its defaults: 0.02 to 0.33 of the area, an aspect of 0.3 to 3.3, ten
  /// tries; nil where none of them fits.
  init?(erasedFrom shape: ImageShape, random: inout RandomStream) {
    for _ in 0..<10 {
      let target = Double(shape.height * shape.width) * random.uniform(0.02, 0.33)
      let ratio = exp(random.uniform(log(0.3), log(3.3)))
      let height = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let width = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      guard height < shape.height, width < shape.width else { continue }
      (self.height, self.width) = (height, width)
      top = random.below(shape.height - height + 1)
      left = random.below(shape.width - width + 1)
      return
    }
    return nil
  }

  /// Zeros in this part of a normalised image, height × width × channels: its mean colour.
  func erase(_ image: UnsafeMutablePointer<Float>, of shape: ImageShape) {
    for row in top..<top + height {
      let start = image + (row * shape.width + left) * shape.channels
      start.update(repeating: 0, count: width * shape.channels)
    }
  }
}
