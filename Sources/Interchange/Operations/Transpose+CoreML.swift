import Networks

extension Transpose: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append("transpose", of: site, [("perm", .ints(Array(0..<site.axis(0)) + permutation.map(site.axis)))])
  }
}

extension MatrixProduct: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append(
      "matmul", of: site,
      [("y", .variable(site.inputs[1])), ("transpose_x", .bool(false)), ("transpose_y", .bool(false))])
  }
}
