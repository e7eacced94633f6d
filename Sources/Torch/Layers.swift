import CTorch

/// How a two-dimensional convolution walks over its input; pairs are (vertical, horizontal).
public struct ConvolutionGeometry: Sendable, Hashable, Codable {
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
  public var groups: Int

  public init(stride: [Int] = [1, 1], padding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  var shim: ct_convolution {
    ct_convolution(stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups: Int64(groups))
  }
}

func pair(_ values: [Int]) -> (Int64, Int64) { (Int64(values[0]), Int64(values[1])) }

extension Tensor {
  /// Convolution of N×C×H×W images with a weight of units × C/groups × d_h × d_w.
  public func convolved(with weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry) -> Tensor {
    var shim = geometry.shim
    return withExtendedLifetime(bias) {
      calling(self, weight) { ct_conv2d($0, $1, bias?.storage.pointer, &shim) }
    }
  }

  /// Transposed convolution of N×C×H×W images with a weight of units × C/groups × d_h × d_w: what a convolution of the
  /// same geometry does to gradients, with `outputPadding` rows and columns more at the end.
  public func transposedConvolved(
    with weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputPadding: [Int]
  ) -> Tensor {
    var shim = geometry.shim
    let inputsFirst = weight.swappingGroupedAxes(groups: geometry.groups)
    return withExtendedLifetime(bias) {
      calling(self, inputsFirst) {
        ct_conv_transpose2d($0, $1, bias?.storage.pointer, &shim, int64(outputPadding))
      }
    }
  }

  /// A weight of a·g × b × … as b·g × a × …, in each of g groups its first two axes swapped: units × inputs/groups as
  /// inputs × units/groups, and back.
  public func swappingGroupedAxes(groups: Int) -> Tensor {
    guard groups > 1 else { return transposed(0, 1) }
    let (rows, columns, taps) = (shape[0] / groups, shape[1], Array(shape[2...]))
    return reshaped([groups, rows, columns] + taps).transposed(1, 2).reshaped([groups * columns, rows] + taps)
  }

  /// What a convolution with this kernel reads of N×C×H×W images: N × C·d_h·d_w × positions.
  public func patches(kernel: [Int], _ geometry: ConvolutionGeometry) -> Tensor {
    var shim = geometry.shim
    return calling(self) { ct_patches($0, int64(kernel), &shim) }
  }

  /// x·Wᵀ + b.
  public func linear(_ weight: Tensor, bias: Tensor?) -> Tensor {
    withExtendedLifetime(bias) { calling(self, weight) { ct_linear($0, $1, bias?.storage.pointer) } }
  }

  /// Batch normalisation with the given statistics.
  public func batchNormalized(
    scale: Tensor?, shift: Tensor?, mean: Tensor, variance: Tensor, epsilon: Double
  ) -> Tensor {
    normalized(scale, shift, mean, variance, training: false, momentum: 0, epsilon)
  }

  /// Batch normalisation with the batch's own statistics, and the running statistics moved towards them.
  public func batchNormalizedInTraining(
    scale: Tensor?, shift: Tensor?, mean: Tensor, variance: Tensor, momentum: Double, epsilon: Double
  ) -> (output: Tensor, mean: Tensor, variance: Tensor) {
    let (newMean, newVariance) = (mean.clone, variance.clone)
    let output = normalized(scale, shift, newMean, newVariance, training: true, momentum: momentum, epsilon)
    return (output, newMean, newVariance)
  }

  private func normalized(
    _ scale: Tensor?, _ shift: Tensor?, _ mean: Tensor, _ variance: Tensor, training: Bool, momentum: Double,
    _ epsilon: Double
  ) -> Tensor {
    withExtendedLifetime((scale, shift, mean, variance)) {
      calling(self) { x in
        ct_batch_norm(
          x, scale?.storage.pointer, shift?.storage.pointer, mean.storage.pointer, variance.storage.pointer, training,
          momentum, epsilon)
      }
    }
  }

  /// max(0, x); like all activations here element by element, in the same shape.
  public var relu: Tensor { calling(self, ct_relu) }
  /// x, below zero slope·x.
  public func leakyRelu(slope: Double) -> Tensor { calling(self) { ct_leaky_relu($0, slope) } }
  /// x, below zero slope·x, with one slope or with one for each channel of axis 1.
  public func prelu(_ slope: Tensor) -> Tensor { calling(self, slope, ct_prelu) }
  /// scale·(q − zeroPoint) with q = round(x/scale) + zeroPoint cut to `range`, halves to even; where nothing is cut, the
  /// gradient passes as if nothing were rounded.
  public func fakeQuantized(scale: Double, zeroPoint: Int, range: ClosedRange<Int>) -> Tensor {
    calling(self) {
      ct_fake_quantize($0, scale, Int64(zeroPoint), Int64(range.lowerBound), Int64(range.upperBound))
    }
  }

  /// The same with a zero point of 0 and a scale for each index of the first axis.
  public func fakeQuantized(scales: Tensor, range: ClosedRange<Int>) -> Tensor {
    calling(self, scales) { ct_fake_quantize_rows($0, $1, Int64(range.lowerBound), Int64(range.upperBound)) }
  }

  /// x cut to low…high.
  public func hardTanh(low: Double, high: Double) -> Tensor { calling(self) { ct_hardtanh($0, low, high) } }
  /// x, below zero α·(exp(x) − 1).
  public func elu(alpha: Double) -> Tensor { calling(self) { ct_elu($0, alpha) } }

  /// x·Φ(x), exactly or by the approximation with tanh.
  public func gelu(approximated: Bool) -> Tensor { calling(self) { ct_gelu($0, approximated) } }
  /// x·σ(x).
  public var silu: Tensor { calling(self, ct_silu) }
  /// σ(x) = 1/(1 + exp(−x)).
  public var sigmoid: Tensor { calling(self, ct_sigmoid) }
  /// tanh(x).
  public var hyperbolicTangent: Tensor { calling(self, ct_tanh) }
  /// erf(x).
  public var errorFunction: Tensor { calling(self, ct_erf) }
  /// x·min(max(x + 3, 0), 6)/6.
  public var hardSwish: Tensor { calling(self, ct_hardswish) }

  /// log(1 + exp(x)).
  public var softplus: Tensor { calling(self, ct_softplus) }
  /// x·tanh(softplus(x)).
  public var mish: Tensor { calling(self, ct_mish) }
  /// exp(x).
  public var exponential: Tensor { calling(self, ct_exp) }
  /// The natural logarithm.
  public var logarithm: Tensor { calling(self, ct_log) }
  /// −1, 0 or 1; no gradient passes.
  public var sign: Tensor { calling(self, ct_sign) }

  /// Normalised over the last `axes` axes, then scaled and shifted.
  public func layerNormalized(axes: Int, scale: Tensor?, shift: Tensor?, epsilon: Double) -> Tensor {
    withExtendedLifetime((scale, shift)) {
      calling(self) { ct_layer_norm($0, Int32(axes), scale?.storage.pointer, shift?.storage.pointer, epsilon) }
    }
  }

  /// The mean over each channel's pixels, as N×C×1×1.
  public var globalAveragePooled: Tensor { calling(self, ct_global_avg_pool) }

  /// Zeroes elements with `probability` and scales the rest by 1/(1 − probability).
  public func dropout(_ probability: Double, using generator: Generator) -> Tensor {
    withExtendedLifetime(generator) { calling(self) { ct_dropout($0, probability, generator.pointer) } }
  }

  /// How losses of a batch are put together.
  public enum Reduction: Sendable { case mean, sum }

  /// Cross-entropy of logits (N×classes) against int64 labels, smoothed towards the uniform distribution.
  ///
  /// - Parameter weights: one for each class, in the logits' type; the mean is then Σ wₗ·loss / Σ wₗ over the labels l.
  public func crossEntropy(
    labels: Tensor, weights: Tensor? = nil, smoothing: Double = 0, reduction: Reduction = .mean
  ) -> Tensor {
    withExtendedLifetime(weights) {
      calling(self, labels) { ct_cross_entropy($0, $1, weights?.storage.pointer, smoothing, reduction == .mean) }
    }
  }

  /// Mean over the batch of KL(softmax(teacher) ‖ softmax(self)), both N×classes; no gradient goes to the teacher.
  public func divergence(from teacher: Tensor) -> Tensor { calling(self, teacher, ct_kl_divergence) }
}
