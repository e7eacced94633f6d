import Networks

extension Outputs: ONNXExportable {
  /// At the network's end each value is an output of the graph by itself; elsewhere they are joined.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    guard !site.network.isJoinedResult(site.node) else { return }
    let rows = zip(site.inputs, names.indices).map { input, index in
      graph.append("Flatten", [input], makes: "\(site.name).\(index)", ["axis": .int(1)])
      return "\(site.name).\(index)"
    }
    graph.append("Concat", rows, makes: site.name, ["axis": .int(1)])
  }
}
