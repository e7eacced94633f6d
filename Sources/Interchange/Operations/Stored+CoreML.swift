import Networks

extension Stored: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    // A mask may be infinite, a weight may not.
    if let mask = site.network.parameter(.constant, of: site.node) {
      return try program.store(program.saturated(mask).reshaped(site.output), site.name)
    }
    let weight = site.network.parameter(.weight, of: site.node) ?? .zeros([])
    return try program.store(weight.reshaped(site.output), site.name)
  }
}
