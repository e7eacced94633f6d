import CTorch

/// A convolution made ready for use: its weight in the order that is read, an addition and a ReLU done in the same pass.
///
/// Two engines compute it: oneDNN's, and the shim's own for small weights, of which oneDNN spends as long on setting
/// out as on computing. Float32 on the CPU; nothing records gradients.
public struct PackedConvolution: Sendable {
  private let weight: Tensor
  private let bias: Tensor?
  private let geometry: ConvolutionGeometry
  private let relu: Bool
  /// The weight's own sizes where the shim computes.
  private let directly: [Int64]?

  /// Whether this libtorch has such convolutions.
  public static let isAvailable = ct_packs_convolutions()

  /// - Parameters:
  ///   - weight: units × C/groups × d_h × d_w.
  ///   - relu: whether a ReLU follows.
  ///   - input: the N×C×H×W shape for which the order is chosen; others are computed too, more slowly.
  ///   - directly: whether the shim computes, where it can; nil is the faster.
  public init(
    weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, relu: Bool, input shape: [Int],
    directly: Bool? = nil
  ) {
    var shim = geometry.shim
    let sizes = shape.map(Int64.init)
    let isPossible = ct_convolves_directly() && geometry.groups == 1
    if isPossible, directly ?? Self.paysDirectly(weight.shape) {
      self.directly = weight.shape.map(Int64.init)
      self.weight = withExtendedLifetime(bias) { calling(weight) { ct_direct_weight($0, bias?.storage.pointer) } }
    } else {
      self.directly = nil
      self.weight = calling(weight) { ct_pack_weight($0, &shim, sizes) }
    }
    self.bias = bias
    self.geometry = geometry
    self.relu = relu
  }

  /// Where the shim is at least as fast: weights of half a megabyte at most, which stay in the second cache, and no large
  /// kernels over an image's few colours. Measured from 16 to 512 channels on images of 7 to 56 pixels.
  private static func paysDirectly(_ shape: [Int]) -> Bool {
    shape.reduce(1, *) <= 131_072 && (shape[1] >= 4 || shape[2] * shape[3] <= 9)
  }

  /// The convolution of N×C×H×W images, with `addend` added before the ReLU.
  public func callAsFunction(_ images: Tensor, adding addend: Tensor? = nil) -> Tensor {
    var shim = geometry.shim
    return withExtendedLifetime((addend, bias)) {
      calling(images, weight) {
        if let directly {
          return ct_direct_convolution($0, addend?.storage.pointer, $1, directly, &shim, relu)
        }
        return ct_packed_convolution($0, addend?.storage.pointer, $1, bias?.storage.pointer, &shim, relu)
      }
    }
  }
}
