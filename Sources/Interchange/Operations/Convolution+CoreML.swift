import Networks

extension Convolution: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    var settings: [(String, CoreMLProgramWriter.Argument)] = [
      ("strides", .ints(geometry.stride)), ("pad_type", .text("custom")),
      ("pad", .ints(geometry.padding.flatMap { [$0, $0] })), ("dilations", .ints(geometry.dilation)),
      ("groups", .int(geometry.groups)),
    ]
    for role in [Role.weight, .bias] {
      if let parameter = try program.parameter(role, of: site) { settings.append((role.rawValue, parameter)) }
    }
    return program.append("conv", of: site, settings)
  }
}
