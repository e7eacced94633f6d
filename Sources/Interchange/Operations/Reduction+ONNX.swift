import Networks

extension Mean: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) { graph.reduce("ReduceMean", along: axes, site) }
}

extension Maximum: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) { graph.reduce("ReduceMax", along: axes, site) }
}

extension ONNXGraphWriter {
  fileprivate mutating func reduce(_ type: String, along axes: [Int], _ site: ONNXSite) {
    append(type, site.inputs, makes: site.name, ["axes": .ints(axes.map { $0 + 1 }), "keepdims": .int(1)])
  }
}
