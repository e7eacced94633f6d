import CTorch

/// A convolution made ready for use: its weight in oneDNN's order, an addition and a ReLU done in the same pass.
///
/// Float32 on the CPU; nothing records gradients.
public struct PackedConvolution: Sendable {
  private let weight: Tensor
  private let bias: Tensor?
  private let geometry: ConvolutionGeometry
  private let relu: Bool

  /// Whether this libtorch has such convolutions.
  public static let isAvailable = ct_packs_convolutions()

  /// - Parameters:
  ///   - weight: units × C/groups × d_h × d_w.
  ///   - relu: whether a ReLU follows.
  ///   - input: the N×C×H×W shape for which the order is chosen; others are computed too, more slowly.
  public init(weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, relu: Bool, input shape: [Int]) {
    var shim = geometry.shim
    let sizes = shape.map(Int64.init)
    self.weight = calling(weight) { ct_pack_weight($0, &shim, sizes) }
    self.bias = bias
    self.geometry = geometry
    self.relu = relu
  }

  /// The convolution of N×C×H×W images, with `addend` added before the ReLU.
  public func callAsFunction(_ images: Tensor, adding addend: Tensor? = nil) -> Tensor {
    var shim = geometry.shim
    return withExtendedLifetime((addend, bias)) {
      calling(images, weight) {
        ct_packed_convolution($0, addend?.storage.pointer, $1, bias?.storage.pointer, &shim, relu)
      }
    }
  }
}
