/// Every kind of operation that a network can hold: what files are read by, and what completeness is tested over.
///
/// What an operation owes beside its own rules stands in CONTRIBUTING.md.
public enum OperationRegistry {
  public static let operations: [any Operation.Type] = [
    Convolution.self, Linear.self, BatchNorm.self, Activation.self, Pooling.self, Elementwise.self, Concatenate.self,
    Flatten.self, Reshape.self, Slice.self, Pad.self, Dropout.self, Affine.self, Power.self, Stored.self, Gather.self,
    LayerNorm.self, Softmax.self, LogSoftmax.self, Mean.self, Maximum.self, PReLU.self, Transpose.self,
    MatrixProduct.self, Quantize.self, Resize.self, TransposedConvolution.self, GroupNorm.self, Outputs.self,
  ]
}
