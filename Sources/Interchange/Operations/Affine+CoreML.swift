import Networks
import Torch

extension Affine: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    var x = site.x
    if scale != 1 {
      let factor = try program.store(Tensor([scale], shape: []), "\(site.name)_scale")
      x = program.append("mul", of: site, [("y", .variable(factor))])
    }
    guard shift != 0 else { return x }
    let summand = try program.store(Tensor([shift], shape: []), "\(site.name)_shift")
    return program.append("add", [("x", .variable(x)), ("y", .variable(summand))], site.name, site.output)
  }
}

extension Power: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    exponent == 0.5 ? program.append("sqrt", of: site) : program.append("pow", of: site, [("y", .number(exponent))])
  }
}
