import Networks
import Torch

extension Pooling: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression(expression(of: site.x, pixels: Array(site.shape.dropFirst())))
  }

  private func expression(of x: String, pixels: [Int]) -> String {
    switch self {
    case .max(let geometry):
      guard geometry.isSymmetric else {
        let padded = PythonText.padded(x, geometry.margins(of: pixels), -.infinity)
        return "F.max_pool2d(\(padded), \(PythonText.tuple(geometry.kernel)), \(PythonText.tuple(geometry.stride)))"
      }
      return "F.max_pool2d(\(Self.windows(geometry, x)))"
    case .average(let geometry):
      guard geometry.isSymmetric else { return Self.averaged(x, geometry, pixels) }
      let counts = geometry.countIncludePad ? "True" : "False"
      return "F.avg_pool2d(\(Self.windows(geometry, x)), count_include_pad=\(counts))"
    case .globalAverage: return "\(x).mean((2, 3), keepdim=True)"
    case .globalMax: return "\(x).amax((2, 3), keepdim=True)"
    }
  }

  private static func windows(_ geometry: PoolingGeometry, _ x: String) -> String {
    let sizes = [geometry.kernel, geometry.stride, geometry.padding].map(PythonText.tuple)
    return "\(x), \(sizes.joined(separator: ", ")), ceil_mode=\(geometry.ceilMode ? "True" : "False")"
  }

  /// Means over windows with different padding on each side: those over all pixels by the share of those that count.
  private static func averaged(_ x: String, _ geometry: PoolingGeometry, _ size: [Int]) -> String {
    func mean(_ x: String) -> String {
      "F.avg_pool2d(\(x), \(PythonText.tuple(geometry.kernel)), \(PythonText.tuple(geometry.stride)))"
    }
    let margins = geometry.margins(of: size)
    let beyond = zip(margins, geometry.pads).map { $0 - $1 }
    let means = mean(PythonText.padded(x, margins, 0))
    if geometry.countIncludePad, beyond.allSatisfy({ $0 <= 0 }) { return means }
    let pixels = "torch.ones_like(\(x)[:1, :1])"
    let counted =
      geometry.countIncludePad
      ? PythonText.padded(PythonText.padded(pixels, geometry.pads, 1), beyond, 0)
      : PythonText.padded(pixels, margins, 0)
    return "\(means) / \(mean(counted))"
  }
}
