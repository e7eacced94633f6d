import Networks

extension Concatenate: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append(
      "concat", [("values", .variables(site.inputs)), ("axis", .int(site.axis(axis))), ("interleave", .bool(false))],
      site.name, site.output)
  }
}
