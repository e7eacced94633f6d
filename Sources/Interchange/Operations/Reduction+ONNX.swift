import Networks

extension Mean: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) { graph.reduce("ReduceMean", along: axes, site) }
}

extension Maximum: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) { graph.reduce("ReduceMax", along: axes, site) }
}

extension ONNXGraphWriter {
  fileprivate mutating func reduce(_ type: String, along axes: [Int], _ site: ONNXSite) {
    let axes = axes.map { $0 + 1 }
    // Since opset 18 axes are an input.
    guard opset < 18 else {
      return append(type, site.inputs + [store("\(site.name).axes", axes)], makes: site.name, ["keepdims": .int(1)])
    }
    append(type, site.inputs, makes: site.name, ["axes": .ints(axes), "keepdims": .int(1)])
  }
}
