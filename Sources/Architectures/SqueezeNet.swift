import Networks
import Torch

extension NetworkBuilder {
  /// SqueezeNet 1.1 (Iandola et al. 2016), with torchvision's names; its classes are made by a convolution.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func squeezeNet(classes: Int) throws -> Network {
    var x = try relu(convolution(input, "features.0", units: 64, kernel: [3, 3], stride: [2, 2], bias: true))
    // (place, squeezed, expanded) of each fire module; pooling stands where a place is left out.
    for (place, squeezed, expanded) in [
      (3, 16, 64), (4, 16, 64), (6, 32, 128), (7, 32, 128), (9, 48, 192), (10, 48, 192), (11, 64, 256), (12, 64, 256),
    ] {
      if [3, 6, 9].contains(place) {
        x = try append(Pooling.max(PoolingGeometry(kernel: [3, 3], stride: [2, 2], ceilMode: true)), reading: [x])
      }
      x = try fire(x, "features.\(place)", squeezed: squeezed, expanded: expanded)
    }
    x = try relu(convolution(dropout(x, 0.5), "classifier.1", units: classes, kernel: [1, 1], bias: true))
    return try finish(flatten(globalAveragePool(x)))
  }

  private mutating func fire(_ x: String, _ name: String, squeezed: Int, expanded: Int) throws -> String {
    let y = try relu(convolution(x, "\(name).squeeze", units: squeezed, kernel: [1, 1], bias: true))
    let one = try relu(convolution(y, "\(name).expand1x1", units: expanded, kernel: [1, 1], bias: true))
    let three = try relu(
      convolution(y, "\(name).expand3x3", units: expanded, kernel: [3, 3], padding: [1, 1], bias: true))
    return try concatenate([one, three])
  }
}
