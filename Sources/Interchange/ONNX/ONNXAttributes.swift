import ONNXSchema

/// The attributes of operators, up to opset 28. One that is not known may change what an operator computes, as `mode`
/// of opset 28 does with SpaceToDepth, so that it is no reason to read on.
extension ONNXNodeProto {
  /// - Throws: `ONNXProblem` for an attribute that the operator did not have; of operators not named here anything.
  func requireKnownAttributes() throws {
    guard let known = Self.known[opType] else { return }
    for attribute in attribute where !known.contains(attribute.name) {
      throw ONNXProblem("has the attribute \(attribute.name), which is not known")
    }
  }

  private static let known: [String: Set<String>] = Dictionary(
    attributes.flatMap { names, words in
      // Opset 1 had it everywhere, for what nobody did.
      let set = Set(words.split(separator: " ").map(String.init) + ["consumed_inputs"])
      return names.split(separator: " ").map { (String($0), set) }
    }, uniquingKeysWith: { $0.union($1) })

  /// Operators, and what they have.
  private static let attributes: [(String, String)] = [
    ("Abs Exp Log Neg Reciprocal Relu Sigmoid Sqrt Tanh", ""),
    ("Erf Expand GlobalAveragePool GlobalMaxPool HardSwish Identity MatMul Mish", ""),
    ("Not PRelu Sign Softplus Softsign Sum Max Min Mean Tile Where LessOrEqual GreaterOrEqual", ""),
    ("Add Sub Mul Div Pow And Or Xor Equal Less Greater", "axis broadcast"),
    ("Concat Flatten Gather Softmax LogSoftmax Compress", "axis"),
    ("Conv", "auto_pad dilations group kernel_shape pads strides"),
    ("ConvTranspose", "auto_pad dilations group kernel_shape output_padding output_shape pads strides"),
    ("MaxPool", "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"),
    ("AveragePool", "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"),
    ("LpPool", "auto_pad ceil_mode dilations kernel_shape p pads strides"),
    ("GlobalLpPool", "p"),
    ("Gemm", "alpha beta broadcast transA transB"),
    ("Einsum", "equation"),
    ("BatchNormalization", "epsilon is_test momentum spatial training_mode"),
    ("InstanceNormalization", "epsilon"),
    ("GroupNormalization", "epsilon num_groups stash_type"),
    ("LayerNormalization RMSNormalization", "axis epsilon stash_type"),
    ("LpNormalization", "axis p"),
    ("MeanVarianceNormalization", "axes"),
    ("LRN", "alpha beta bias size"),
    ("Celu Elu LeakyRelu Swish ThresholdedRelu", "alpha"),
    ("Selu", "alpha gamma"),
    ("HardSigmoid", "alpha beta"),
    ("Gelu", "approximate"),
    ("Shrink", "bias lambd"),
    ("Clip", "max min"),
    ("Cast", "round_mode saturate to"),
    ("CastLike", "round_mode saturate"),
    ("Dropout", "is_test ratio seed"),
    ("Pad", "mode paddings pads value"),
    ("Reshape", "allowzero shape"),
    ("Slice", "axes ends starts"),
    ("Split", "axis num_outputs split"),
    ("Squeeze Unsqueeze", "axes"),
    ("Transpose", "perm"),
    ("DepthToSpace SpaceToDepth", "blocksize mode"),
    ("ReduceMean ReduceSum ReduceL1 ReduceL2 ReduceSumSquare", "axes keepdims noop_with_empty_axes"),
    ("ReduceMax ReduceMin ReduceLogSum ReduceLogSumExp", "axes keepdims noop_with_empty_axes"),
    (
      "Resize",
      """
      antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value \
      keep_aspect_ratio_policy mode nearest_mode
      """
    ),
    ("Upsample", "height_scale mode scales width_scale"),
    ("QuantizeLinear", "axis block_size output_dtype precision saturate"),
    ("DequantizeLinear", "axis block_size output_dtype"),
  ]
}
