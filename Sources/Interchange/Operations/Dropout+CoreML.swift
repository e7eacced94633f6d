import Networks

extension Dropout: CoreMLExportable {
  /// In use it passes on what it reads.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String { site.x }
}
