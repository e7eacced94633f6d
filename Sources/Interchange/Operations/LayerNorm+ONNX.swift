import Networks

extension LayerNorm: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let weights = graph.weights(of: site)
    let scale = weights[.weight] ?? graph.store("\(site.name).ones", .ones(Array(site.shape.suffix(axes))))
    guard graph.opset >= 17 else { return graph.normalize(site, axes, epsilon, scale, weights[.bias]) }
    graph.append(
      "LayerNormalization", site.inputs + [scale] + [weights[.bias]].compactMap(\.self), makes: site.name,
      ["axis": .int(-axes), "epsilon": .float(epsilon)])
  }
}

extension ONNXGraphWriter {
  /// (x − mean)/√(variance + ε), scaled and shifted, in the operators of older opsets.
  fileprivate mutating func normalize(
    _ site: ONNXSite, _ axes: Int, _ epsilon: Double, _ scale: String, _ shift: String?
  ) {
    let (x, name) = (site.inputs[0], site.name)
    let last: KeyValuePairs<String, Attribute> = ["axes": .ints(Array(-axes..<0)), "keepdims": .int(1)]
    append("ReduceMean", [x], makes: "\(name).mean", last)
    append("Sub", [x, "\(name).mean"], makes: "\(name).centred")
    append("Mul", ["\(name).centred", "\(name).centred"], makes: "\(name).square")
    append("ReduceMean", ["\(name).square"], makes: "\(name).variance", last)
    append("Add", ["\(name).variance", store("\(name).epsilon", epsilon)], makes: "\(name).positive")
    append("Sqrt", ["\(name).positive"], makes: "\(name).deviation")
    append("Div", ["\(name).centred", "\(name).deviation"], makes: "\(name).normalized")
    append("Mul", ["\(name).normalized", scale], makes: shift == nil ? name : "\(name).scaled")
    if let shift { append("Add", ["\(name).scaled", shift], makes: name) }
  }
}
