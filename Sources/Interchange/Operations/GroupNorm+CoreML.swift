import Networks
import Torch

extension GroupNorm: CoreMLExportable {
  /// Each row of groups × elements normalised, then scaled and shifted by channels.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    let name = site.name
    let rows = [groups, site.shape.reduce(1, *) / groups]
    let grouped = program.append(
      "reshape", [("x", .variable(site.x)), ("shape", .ints(rows))], "\(name)_grouped", rows)
    let even = program.append(
      "layer_norm", [("x", .variable(grouped)), ("axes", .ints([1])), ("epsilon", .number(epsilon))],
      "\(name)_even", rows)
    var result = program.append(
      "reshape", [("x", .variable(even)), ("shape", .ints(site.output))], "\(name)_normalized", site.output)
    for (role, type) in [(Role.weight, "mul"), (.bias, "add")] {
      guard let numbers = site.network.parameter(role, of: site.node) else { continue }
      let column = try program.store(numbers.reshaped(site.column), "\(name)_\(role.rawValue)")
      result = program.append(
        type, [("x", .variable(result)), ("y", .variable(column))], "\(name)_\(type)", site.output)
    }
    return result
  }
}
