import Networks

extension Linear: ONNXExportable {
  /// A vector goes through Gemm, tokens through a matrix product with the transposed weight.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (weights, name) = (graph.weights(of: site, transposed: site.rank > 1), site.name)
    let factors = site.inputs + [weights[.weight]].compactMap(\.self)
    guard site.rank > 1 else {
      return graph.append("Gemm", factors + [weights[.bias]].compactMap(\.self), makes: name, ["transB": .int(1)])
    }
    guard let bias = weights[.bias] else { return graph.append("MatMul", factors, makes: name) }
    graph.append("MatMul", factors, makes: "\(name).product")
    graph.append("Add", ["\(name).product", bias], makes: name)
  }
}
