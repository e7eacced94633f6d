import Networks

extension Dropout: ONNXExportable {
  /// In use it passes on what it reads.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) { graph.alias(site.name, of: site.node.inputs[0]) }
}
