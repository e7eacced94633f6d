import Networks

extension Gather: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append("gather", of: site, [("indices", .ints(indices)), ("axis", .int(site.axis(axis)))])
  }
}
