import Networks

extension Mean: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.reduce("reduce_mean", along: axes, site)
  }
}

extension Maximum: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.reduce("reduce_max", along: axes, site)
  }
}

extension CoreMLProgramWriter {
  fileprivate mutating func reduce(_ type: String, along axes: [Int], _ site: CoreMLSite) -> String {
    append(type, of: site, [("axes", .ints(axes.map(site.axis))), ("keep_dims", .bool(true))])
  }
}
