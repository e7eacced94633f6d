import Networks
import Torch

extension Pooling: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    switch self {
    case .max(let geometry):
      let window = WrittenWindow(geometry, site.shape)
      graph.append(
        "MaxPool", site.inputs, makes: site.name,
        [
          "kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads, "ceil_mode": window.ceilMode,
        ])
    case .average(let geometry):
      let window = WrittenWindow(geometry, site.shape)
      graph.append(
        "AveragePool", site.inputs, makes: site.name,
        [
          "kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads, "ceil_mode": window.ceilMode,
          "count_include_pad": .int(geometry.countIncludePad ? 1 : 0),
        ])
    case .globalAverage: graph.append("GlobalAveragePool", site.inputs, makes: site.name)
    case .globalMax: graph.append("GlobalMaxPool", site.inputs, makes: site.name)
    }
  }
}

/// The attributes of a pooling window.
private struct WrittenWindow {
  let kernel, strides, pads, ceilMode: ONNXGraphWriter.Attribute

  init(_ geometry: PoolingGeometry, _ shape: [Int]) {
    let written = geometry.written(for: shape)
    (kernel, strides) = (.ints(geometry.kernel), .ints(geometry.stride))
    (pads, ceilMode) = (.ints(written.padding + written.endPadding), .int(written.ceilMode ? 1 : 0))
  }
}

extension PoolingGeometry {
  /// The same windows of values of `shape`, as opset 17 counts them.
  ///
  /// It has a last window counted that begins in the padding, which nothing that runs it does. So numbers are rounded
  /// up only where that makes a window more, and on the other axis padding that is in no window is left out.
  fileprivate func written(for shape: [Int]) -> PoolingGeometry {
    var result = self
    result.ceilMode = false
    let (all, whole) = (windows(of: shape), result.windows(of: shape))
    guard all != whole else { return result }
    result.ceilMode = true
    for axis in 0..<2 where all[axis] == whole[axis] {
      let reach = (all[axis] - 1) * stride[axis] + kernel[axis] - padding[axis]
      result.endPadding[axis] = max(0, reach - shape[axis + 1])
    }
    return result
  }

  private func windows(of shape: [Int]) -> [Int] { (0..<2).map { windows(along: $0, of: shape[$0 + 1]) ?? 1 } }
}
