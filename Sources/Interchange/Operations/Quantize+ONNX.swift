import Networks

extension Quantize: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.quantize(site.inputs[0], grid, makes: site.name)
  }
}
