import Networks

extension Slice: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    let place = site.axis(axis)
    func along(_ number: Int, others: (Int) -> Int) -> CoreMLProgramWriter.Argument {
      .ints(site.shape.indices.map { $0 == place ? number : others($0) })
    }
    return program.append(
      "slice_by_index", of: site,
      [
        ("begin", along(start) { _ in 0 }), ("end", along(end ?? site.shape[place]) { site.shape[$0] }),
        ("stride", along(step) { _ in 1 }),
      ])
  }
}

extension Pad: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    let pads = site.shape.indices.flatMap { $0 == site.axis(axis) ? [before, after] : [0, 0] }
    return program.append(
      "pad", of: site, [("pad", .ints(pads)), ("mode", .text("constant")), ("constant_val", .number(value))])
  }
}
