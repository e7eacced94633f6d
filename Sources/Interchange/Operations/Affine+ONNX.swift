import Networks

extension Affine: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (x, name) = (site.inputs[0], site.name)
    guard shift != 0 else { return graph.append("Mul", [x, graph.store("\(name).scale", scale)], makes: name) }
    guard scale != 1 else { return graph.append("Add", [x, graph.store("\(name).shift", shift)], makes: name) }
    graph.append("Mul", [x, graph.store("\(name).scale", scale)], makes: "\(name).scaled")
    graph.append("Add", ["\(name).scaled", graph.store("\(name).shift", shift)], makes: name)
  }
}

extension Power: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("Pow", [site.inputs[0], graph.store("\(site.name).exponent", exponent)], makes: site.name)
  }
}
