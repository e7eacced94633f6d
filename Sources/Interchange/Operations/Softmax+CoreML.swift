import Networks

extension Softmax: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    program.append("softmax", of: site, [("axis", .int(site.axis(axis)))])
  }
}

extension LogSoftmax: CoreMLExportable {
  /// y − log Σ exp(y) of y = x − max(x): no sum beyond float16, and no logarithm of a share that became zero there.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    let (name, axis) = (site.name, site.axis(axis))
    let one = site.shape.indices.map { $0 == axis ? 1 : site.shape[$0] }
    let along: [(String, CoreMLProgramWriter.Argument)] = [("axes", .ints([axis])), ("keep_dims", .bool(true))]
    let largest = program.append("reduce_max", [("x", .variable(site.x))] + along, "\(name)_largest", one)
    let y = program.append(
      "sub", [("x", .variable(site.x)), ("y", .variable(largest))], "\(name)_shifted", site.output)
    let sum = program.append("reduce_log_sum_exp", [("x", .variable(y))] + along, "\(name)_sum", one)
    return program.append("sub", [("x", .variable(y)), ("y", .variable(sum))], name, site.output)
  }
}
