import Networks
import Torch

extension Pooling: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    let pixels: CoreMLProgramWriter.Argument = .ints([2, 3])
    return switch self {
    case .max(let geometry): program.append("max_pool", of: site, geometry.settings(pads: geometry.around(site.shape)))
    case .average(let geometry): program.average(geometry, of: site)
    case .globalAverage: program.append("reduce_mean", of: site, [("axes", pixels), ("keep_dims", .bool(true))])
    case .globalMax: program.append("reduce_max", of: site, [("axes", pixels), ("keep_dims", .bool(true))])
    }
  }
}

extension CoreMLProgramWriter {
  /// Padding that counts stands before the pooling where windows reach beyond it, since what is beyond never counts.
  fileprivate mutating func average(_ geometry: PoolingGeometry, of site: CoreMLSite) -> String {
    let around = geometry.around(site.shape)
    let padding = geometry.padding.indices.flatMap { [geometry.padding[$0], geometry.endPadding[$0]] }
    let beyond = zip(around, padding).map { max(0, $0 - $1) }
    guard geometry.countIncludePad, beyond.contains(where: { $0 > 0 }) else {
      let settings = geometry.settings(pads: around)
      return append(
        "avg_pool", of: site, settings + [("exclude_padding_from_average", .bool(!geometry.countIncludePad))])
    }
    let shape = zip(site.shape, [0, 0, padding[0] + padding[1], padding[2] + padding[3]]).map(+)
    let padded = append(
      "pad",
      [
        ("x", .variable(site.x)), ("pad", .ints([0, 0, 0, 0] + padding)), ("mode", .text("constant")),
        ("constant_val", .number(0)),
      ], "\(site.name)_padded", shape)
    return append(
      "avg_pool",
      [("x", .variable(padded))] + geometry.settings(pads: beyond)
        + [("exclude_padding_from_average", .bool(true))], site.name, site.output)
  }
}

extension PoolingGeometry {
  /// What the windows reach beyond an image of a batch: above, below, left and right of it.
  fileprivate func around(_ shape: [Int]) -> [Int] {
    let margins = margins(of: Array(shape.suffix(2)))
    return (margins.suffix(2) + margins.prefix(2)).map { max(0, $0) }
  }

  /// Windows that padding makes whole, so that their number need not be rounded up.
  fileprivate func settings(pads: [Int]) -> [(String, CoreMLProgramWriter.Argument)] {
    [
      ("kernel_sizes", .ints(kernel)), ("strides", .ints(stride)), ("pad_type", .text("custom")), ("pad", .ints(pads)),
      ("ceil_mode", .bool(false)),
    ]
  }
}
