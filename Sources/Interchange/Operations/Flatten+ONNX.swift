import Networks

extension Flatten: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("Flatten", site.inputs, makes: site.name, ["axis": .int(1)])
  }
}

extension Reshape: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    // 0 takes the batch from the input.
    graph.append("Reshape", site.inputs + [graph.store("\(site.name).shape", [0] + shape)], makes: site.name)
  }
}
