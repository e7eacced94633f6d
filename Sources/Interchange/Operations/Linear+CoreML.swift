import Networks

extension Linear: CoreMLExportable {
  /// Core ML's takes three axes; where there are more, those before the last become one and come back.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    var settings: [(String, CoreMLProgramWriter.Argument)] = []
    for role in [Role.weight, .bias] {
      if let parameter = try program.parameter(role, of: site) { settings.append((role.rawValue, parameter)) }
    }
    guard site.shape.count > 3 else { return program.append("linear", of: site, settings) }
    let rows = site.shape.dropLast().reduce(1, *)
    let (reads, makes) = ([rows] + site.shape.suffix(1), [rows] + site.output.suffix(1))
    let flat = program.append(
      "reshape", [("x", .variable(site.x)), ("shape", .ints(reads))], "\(site.name)_rows", reads)
    let product = program.append("linear", [("x", .variable(flat))] + settings, "\(site.name)_product", makes)
    return program.append(
      "reshape", [("x", .variable(product)), ("shape", .ints(site.output))], site.name, site.output)
  }
}
