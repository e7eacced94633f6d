import CTorch

/// A convolution made ready for use: its weight in the order that is read, an addition and a ReLU done in the same
/// pass.
///
/// Two engines compute it: oneDNN's, and the shim's own for small weights, of which oneDNN spends as long on setting
/// out as on computing. The shim also computes two as one, as a pair of factors is: what the first makes stays in the
/// cache, a few rows at a time. Float32 on the CPU; nothing records gradients. An engine that is not there is refused:
/// what asks for it traps with a sentence.
public final class PackedConvolution: Sendable {
  /// A convolution to be made ready.
  public struct Part: Sendable {
    /// Units × C/groups × d_h × d_w.
    public var weight: Tensor
    public var bias: Tensor?
    public var geometry: ConvolutionGeometry

    public init(weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry) {
      self.weight = weight
      self.bias = bias
      self.geometry = geometry
    }
  }

  /// A weight in the order that the shim reads, with the sizes that it had, as a call wants it.
  private struct Direct: @unchecked Sendable {
    /// Keeps what `shim` points to.
    private let weight: Tensor
    let shim: ct_direct_weights

    init(_ part: Part) {
      let sizes = part.weight.shape.map(Int64.init)
      weight = withExtendedLifetime(part.bias) {
        calling(part.weight) { ct_direct_weight($0, part.bias?.storage.pointer) }
      }
      shim = ct_direct_weights(
        packed: weight.storage.pointer, sizes: (sizes[0], sizes[1], sizes[2], sizes[3]), how: part.geometry.shim)
    }
  }

  private enum Engine {
    case shim(Direct, before: Direct?)
    case oneDNN(weight: Tensor, bias: Tensor?, ConvolutionGeometry)
  }

  private let engine: Engine
  private let relu: Bool

  /// Whether this libtorch has such convolutions; nothing else here works without.
  public static let isAvailable = ct_packs_convolutions()

  /// Whether the kernels in force can compute them, not oneDNN alone.
  public static var hasDirectKernels: Bool { Kernels.inForce != .off }

  /// - Parameters:
  ///   - relu: whether a ReLU follows.
  ///   - input: the N×C×H×W shape for which the order is chosen; others are computed too, more slowly.
  ///   - directly: whether the shim computes, which takes `hasDirectKernels` and a single group; nil is the faster.
  public init(_ part: Part, relu: Bool, input shape: [Int], directly: Bool? = nil) {
    self.relu = relu
    let isPossible = Self.hasDirectKernels && part.geometry.groups == 1
    if directly ?? (isPossible && Self.paysDirectly(part.weight.shape)) {
      precondition(part.geometry.groups == 1)
      engine = .shim(Direct(part), before: nil)
    } else {
      var shim = part.geometry.shim
      let sizes = shape.map(Int64.init)
      let weight = calling(part.weight) { ct_pack_weight($0, &shim, sizes) }
      engine = .oneDNN(weight: weight, bias: part.bias, part.geometry)
    }
  }

  /// Two convolutions as one, the second of what the first makes; only where `joins` says that it can be.
  public init(_ first: Part, _ second: Part, relu: Bool) {
    self.relu = relu
    engine = .shim(Direct(second), before: Direct(first))
  }

  /// Whether two convolutions with weights of these shapes are computed as one, which is faster then.
  public static func joins(
    _ first: [Int], _ firstGeometry: ConvolutionGeometry, _ second: [Int], _ secondGeometry: ConvolutionGeometry
  ) -> Bool {
    hasDirectKernels && firstGeometry.groups == 1 && secondGeometry.groups == 1 && paysDirectly(first)
      && paysDirectly(second)
  }

  /// Where the shim is at least as fast: weights of half a megabyte at most, which stay in the second cache, and no
  /// large kernels over an image's few colours. Measured from 16 to 512 channels on images of 7 to 56 pixels.
  private static func paysDirectly(_ shape: [Int]) -> Bool {
    shape.reduce(1, *) <= 131_072 && (shape[1] >= 4 || shape[2] * shape[3] <= 9)
  }

  /// Whether the shim computes it, so that it can be one of a `ConvolutionChain`.
  public var isDirect: Bool {
    if case .shim = engine { true } else { false }
  }

  /// The convolution of N×C×H×W images, with `addend` added before the ReLU.
  public func callAsFunction(_ images: Tensor, adding addend: Tensor? = nil) -> Tensor {
    switch engine {
    case .shim:
      let step = ConvolutionChain.Step(self, reading: 0, adding: addend.map { _ in 1 })
      return ConvolutionChain([step])([images] + (addend.map { [$0] } ?? []))
    case .oneDNN(let weight, let bias, let geometry):
      var shim = geometry.shim
      return withExtendedLifetime((self, addend)) {
        calling(images, weight) {
          ct_packed_convolution($0, addend?.storage.pointer, $1, bias?.storage.pointer, &shim, relu)
        }
      }
    }
  }

  /// Nil where oneDNN computes; weights live as long as this object.
  func step(reading input: Int, adding addend: Int?) -> ct_direct_step? {
    guard case .shim(let own, let before) = engine else { return nil }
    return ct_direct_step(
      own: own.shim, before: before?.shim ?? own.shim, is_pair: before != nil, relu: relu, input: Int32(input),
      addend: addend.map(Int32.init) ?? -1)
  }
}
