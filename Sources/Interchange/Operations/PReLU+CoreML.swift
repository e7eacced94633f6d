import Networks
import Torch

extension PReLU: CoreMLExportable {
  /// Core ML's takes a slope for each channel of an image; of other values the negative part is multiplied.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    let slope = site.network.parameter(.weight, of: site.node) ?? .zeros([1])
    if isShared { return program.append("leaky_relu", of: site, [("alpha", .number(slope.item))]) }
    if site.shape.count == 4, let alpha = try program.parameter(.weight, of: site) {
      return program.append("prelu", of: site, [("alpha", alpha)])
    }
    let name = site.name
    let column = try program.store(slope.reshaped(site.column), "\(name)_slope")
    let positive = program.append("relu", [("x", .variable(site.x))], "\(name)_positive", site.output)
    let negative = program.append(
      "minimum", [("x", .variable(site.x)), ("y", .number(0))], "\(name)_negative", site.output)
    let sloped = program.append(
      "mul", [("x", .variable(negative)), ("y", .variable(column))], "\(name)_sloped", site.output)
    return program.append("add", [("x", .variable(positive)), ("y", .variable(sloped))], name, site.output)
  }
}
