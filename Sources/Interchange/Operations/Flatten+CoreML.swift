import Networks

extension Flatten: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append("reshape", of: site, [("shape", .ints(site.output))])
  }
}

extension Reshape: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append("reshape", of: site, [("shape", .ints(site.output))])
  }
}
