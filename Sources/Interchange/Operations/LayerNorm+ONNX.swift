import Networks

extension LayerNorm: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let weights = graph.weights(of: site)
    let scale = weights[.weight] ?? graph.store("\(site.name).ones", .ones(Array(site.shape.suffix(axes))))
    graph.append(
      "LayerNormalization", site.inputs + [scale] + [weights[.bias]].compactMap(\.self), makes: site.name,
      ["axis": .int(-axes), "epsilon": .float(epsilon)])
  }
}
