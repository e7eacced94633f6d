import Networks
import Torch

extension LayerNorm: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    let rank = site.shape.count
    var settings: [(String, CoreMLProgramWriter.Argument)] = [
      ("axes", .ints(Array(rank - axes..<rank))), ("epsilon", .number(epsilon)),
    ]
    let scale = try program.parameter(.weight, of: site)
    let shift = try program.parameter(.bias, of: site)
    if let scale { settings.append(("gamma", scale)) }
    if let shift { settings.append(("beta", shift)) }
    if scale == nil, shift != nil {
      let ones = try program.store(.ones(Array(site.shape.suffix(axes))), "\(site.name)_ones")
      settings.append(("gamma", .variable(ones)))
    }
    return program.append("layer_norm", of: site, settings)
  }
}
