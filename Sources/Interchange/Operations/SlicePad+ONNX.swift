import Networks

extension Slice: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let name = site.name
    graph.append(
      "Slice",
      [
        site.inputs[0], graph.store("\(name).starts", [start]),
        graph.store("\(name).ends", [end ?? site.shape[axis]]), graph.store("\(name).axes", [axis + 1]),
        graph.store("\(name).steps", [step]),
      ], makes: name)
  }
}

extension Pad: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (rank, name) = (site.rank + 1, site.name)
    let pads = [before, after].flatMap { count in (0..<rank).map { $0 == axis + 1 ? count : 0 } }
    let filling = value == 0 ? [] : [graph.store("\(name).value", value)]
    graph.append("Pad", site.inputs + [graph.store("\(name).pads", pads)] + filling, makes: name)
  }
}
