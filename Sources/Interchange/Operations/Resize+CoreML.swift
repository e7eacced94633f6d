import Networks
import Torch

extension Resize: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    let (old, new) = (Array(site.shape.suffix(2)), Array(site.output.suffix(2)))
    // By scales that are no ratio of sizes places lie elsewhere.
    let isByRatio = givenScales.map { zip(old, $0).map { Double($0) * $1 } == new.map(Double.init) } ?? true
    switch interpolation(from: old, to: new) {
    case .nearest:
      return program.append(
        "upsample_nearest_neighbor", of: site,
        [("scale_factor_height", .int(new[0] / old[0])), ("scale_factor_width", .int(new[1] / old[1]))])
    case .linear(let alignsCorners) where isByRatio && !new.contains(1):
      return program.append(
        "resize_bilinear", of: site,
        [
          ("target_size_height", .int(new[0])), ("target_size_width", .int(new[1])),
          ("sampling_mode", .text(alignsCorners ? "STRICT_ALIGN_CORNERS" : "UNALIGN_CORNERS")),
        ])
    default: return try program.sample(site, self, old, new)
    }
  }
}

extension CoreMLProgramWriter {
  /// Sums of pixels times their shares, first along the height, then along the width.
  fileprivate mutating func sample(_ site: CoreMLSite, _ resize: Resize, _ old: [Int], _ new: [Int]) throws -> String {
    var (x, shape) = (site.x, site.shape)
    for axis in 0..<2 {
      shape[axis + 2] = new[axis]
      var sum: String?
      for (index, tap) in resize.taps(along: axis, from: old[axis], to: new[axis]).enumerated() {
        let name = "\(site.name)_\(axis)_\(index)"
        var part = append(
          "gather", [("x", .variable(x)), ("indices", .ints(tap.indices)), ("axis", .int(axis + 2))], name, shape)
        if !tap.isWhole {
          let column = Tensor(tap.weights, shape: [tap.weights.count] + (axis == 0 ? [1] : []))
          let weights = try store(column, "\(name)_weights")
          part = append("mul", [("x", .variable(part)), ("y", .variable(weights))], "\(name)_part", shape)
        }
        sum = sum.map { append("add", [("x", .variable($0)), ("y", .variable(part))], "\(name)_sum", shape) } ?? part
      }
      x = sum ?? x
    }
    return x
  }
}
