import Networks

extension Concatenate: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let constants = site.network.constantValues
    let inputs = site.node.inputs.enumerated().map { index, name in
      constants.contains(name) && !constants.contains(site.name)
        ? graph.spread(site.inputs[index], rank: site.rank, "\(site.name).spread\(index)") : site.inputs[index]
    }
    graph.append("Concat", inputs, makes: site.name, ["axis": .int(axis + 1)])
  }
}

extension ONNXGraphWriter {
  /// A value of a batch of one, spread over the images'.
  fileprivate mutating func spread(_ x: String, rank: Int, _ name: String) -> String {
    append("Shape", [value(Network.inputName)], makes: "\(name).sizes")
    append(
      "Slice", ["\(name).sizes", store("\(name).start", [0]), store("\(name).end", [1])], makes: "\(name).batch")
    let ones = store("\(name).ones", Array(repeating: 1, count: rank))
    append("Concat", ["\(name).batch", ones], makes: "\(name).shape", ["axis": .int(0)])
    append("Expand", [x, "\(name).shape"], makes: name)
    return name
  }
}
