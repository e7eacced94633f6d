import Networks

extension Transpose: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("Transpose", site.inputs, makes: site.name, ["perm": .ints([0] + permutation.map { $0 + 1 })])
  }
}

extension MatrixProduct: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    graph.append("MatMul", site.inputs, makes: site.name)
  }
}
