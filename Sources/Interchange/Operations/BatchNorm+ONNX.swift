import Networks

extension BatchNorm: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let weights = graph.weights(of: site)
    let scale = weights[.weight] ?? graph.store("\(site.name).ones", .ones([site.shape[0]]))
    let shift = weights[.bias] ?? graph.store("\(site.name).zeros", .zeros([site.shape[0]]))
    graph.append(
      "BatchNormalization",
      site.inputs + [scale, shift] + [weights[.runningMean], weights[.runningVariance]].compactMap(\.self),
      makes: site.name, ["epsilon": .float(epsilon)])
  }
}
