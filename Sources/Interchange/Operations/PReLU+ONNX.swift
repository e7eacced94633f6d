import Networks

extension PReLU: ONNXExportable {
  /// A slope for each channel meets values along their first axis, so that axes of one element come behind it.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    guard let name = site.node.parameters[.weight], let slope = site.network.parameters[name] else { return }
    let stored = slope.reshaped(slope.shape + Array(repeating: 1, count: isShared ? 0 : site.rank - 1))
    // Another node may have stored it for values of another rank, or reads it as something else than a slope.
    let users = site.network.nodes.filter { $0.parameters.values.contains(name) }
    let fits = graph.fits(stored, under: name) && users.allSatisfy { $0.operation is PReLU }
    graph.append("PRelu", [site.inputs[0], graph.store(fits ? name : "\(site.name).slope", stored)], makes: site.name)
  }
}
