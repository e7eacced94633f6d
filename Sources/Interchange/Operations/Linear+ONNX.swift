import Networks

extension Linear: ONNXExportable {
  /// A vector goes through Gemm, tokens through a matrix product with the transposed weight.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (weights, name) = (graph.weights(of: site), site.name)
    guard site.rank > 1, let weight = weights[.weight] else {
      let parameters = [weights[.weight], weights[.bias]].compactMap(\.self)
      return graph.append("Gemm", site.inputs + parameters, makes: name, ["transB": .int(1)])
    }
    let transposed = "\(name).transposed"
    graph.append("Transpose", [weight], makes: transposed, ["perm": .ints([1, 0])])
    guard let bias = weights[.bias] else { return graph.append("MatMul", site.inputs + [transposed], makes: name) }
    graph.append("MatMul", site.inputs + [transposed], makes: "\(name).product")
    graph.append("Add", ["\(name).product", bias], makes: name)
  }
}
