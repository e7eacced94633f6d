import CTorch

/// How libtorch makes images larger or smaller.
public enum Interpolation: Sendable {
  /// Each pixel as often as it fits.
  case nearest
  /// Between two pixels along each axis; or four, by cubics with the coefficient −¾.
  case linear(alignCorners: Bool)
  case cubic(alignCorners: Bool)
}

extension Tensor {
  /// N×C×H×W images of another height and width.
  ///
  /// - Parameters:
  ///   - size: of the result, height and width.
  ///   - scale: by which places in the image are found; nil for the sizes' ratio.
  public func upsampled(_ interpolation: Interpolation, size: [Int], scale: [Double]? = nil) -> Tensor {
    let (mode, alignsCorners): (ct_interpolation, Bool) =
      switch interpolation {
      case .nearest: (CT_NEAREST, false)
      case .linear(let alignsCorners): (CT_BILINEAR, alignsCorners)
      case .cubic(let alignsCorners): (CT_BICUBIC, alignsCorners)
      }
    var shim = ct_upsampling(
      mode: mode, align_corners: alignsCorners, size: pair(size), scale: (scale?[0] ?? 0, scale?[1] ?? 0))
    return calling(self) { ct_upsample2d($0, &shim) }
  }
}
