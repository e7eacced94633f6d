import Networks

extension Stored: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let weights = graph.weights(of: site)
    let stored = weights[.weight] ?? weights[.constant] ?? ""
    graph.append("Unsqueeze", [stored, graph.store("\(site.name).axes", [0])], makes: site.name)
  }
}
