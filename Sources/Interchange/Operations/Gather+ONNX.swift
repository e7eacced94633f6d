import Networks

extension Gather: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append(
      "Gather", site.inputs + [graph.store("\(site.name).indices", indices)], makes: site.name,
      ["axis": .int(axis + 1)])
  }
}
