import Compaction
import Datasets
import Interchange
import Training

extension Model {
  /// The model in 8 bits, its batch norms in the layers before them: values and weights are rounded to what int8 or
  /// uint8 hold, by the ranges that values have for training images.
  ///
  /// It can be evaluated, trained on (gradients pass through the rounding) and exported as ONNX with QuantizeLinear and
  /// DequantizeLinear.
  ///
  /// - Parameters:
  ///   - data: its training images give the ranges; the held-out ones choose how ranges follow.
  ///   - images: how many of them are looked at.
  ///   - observe: told how far it has come.
  /// - Throws: `QuantizationError` when there are too few images or nothing can be quantised, `DatasetError`,
  ///   `NetworkError`.
  public func quantized(
    using data: Dataset, _ settings: QuantizationSettings = QuantizationSettings(), images: Int = 512,
    observe: @escaping RunObserver = { _ in }
  ) throws -> Quantized {
    try RunSteps(compressionRecipe(), observe: observe)
      .quantize(self, on: data.prepared(for: self), settings, images: images)
  }
}
