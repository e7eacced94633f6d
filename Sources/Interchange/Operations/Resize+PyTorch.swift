import Networks
import Torch

extension Resize: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let old = Array(site.shape.suffix(2))
    let new = size(of: site.node.inputs.map { site.shapes[$0] ?? [] })
    guard let mode = Self.mode(interpolation(from: old, to: new)), let size = sizeArgument(site, old, new) else {
      return .expression(sampled(site.x, old, new))
    }
    return .expression("F.interpolate(\(site.x), \(size), \(mode))")
  }

  private static func mode(_ interpolation: Interpolation?) -> String? {
    switch interpolation {
    case nil: nil
    case .nearest: "mode=\"nearest\""
    case .linear(let aligns): "mode=\"bilinear\", align_corners=\(aligns ? "True" : "False")"
    case .cubic(let aligns): "mode=\"bicubic\", align_corners=\(aligns ? "True" : "False")"
    }
  }

  /// Nil where PyTorch, which multiplies in float64, would make another number of pixels.
  private func sizeArgument(_ site: PyTorchSite, _ old: [Int], _ new: [Int]) -> String? {
    switch target {
    case .size(let size): return "size=\(PythonText.tuple(size))"
    case .likeSecond: return "size=\(site.inputs[1]).shape[2:]"
    case .scales(let scales):
      guard zip(old, scales).map({ Int((Double($0) * $1).rounded(.down)) }) == new else { return nil }
      return "scale_factor=(\(scales.map { "\($0)" }.joined(separator: ", ")))"
    }
  }

  /// Sums of pixels times their shares, first along the height, then along the width.
  private func sampled(_ x: String, _ old: [Int], _ new: [Int]) -> String {
    (0..<2).reduce(x) { x, axis in
      guard old[axis] != new[axis] else { return x }
      let parts = taps(along: axis, from: old[axis], to: new[axis]).map { tap in
        let picked = "y[:, :, \(axis == 0 ? "" : ":, ")\(tap.indices)]"
        let column = axis == 0 ? "[:, None]" : ""
        return tap.isWhole ? picked : "\(picked) * y.new_tensor(\(tap.weights))\(column)"
      }
      return "(lambda y: \(parts.joined(separator: " + ")))(\(x))"
    }
  }
}
