import Networks

extension Softmax: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("Softmax", site.inputs, makes: site.name, ["axis": .int(axis + 1)])
  }
}

extension LogSoftmax: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("LogSoftmax", site.inputs, makes: site.name, ["axis": .int(axis + 1)])
  }
}
