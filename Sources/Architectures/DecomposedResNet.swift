import Networks

extension Network {
  /// ResNet-50 with the 3×3 convolutions of its bottlenecks decomposed (after Alvarez & Salzmann 2017).
  ///
  /// Every bottleneck's `conv2` is `conv2_v` (3×1), `bn2_v`, ReLU and `conv2_h` (1×3); see `decomposed`. The stem stays
  /// whole, which is our choice: at ImageNet's size it is no 3×3 convolution.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  public static func decomposedResNet50(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    try resNet(.resnet50, input: shape, classes: classes, seed: seed)
      .decomposed(seed: seed) { $0 == "conv1" }
  }
}
