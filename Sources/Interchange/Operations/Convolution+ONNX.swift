import Networks

extension Convolution: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let weights = graph.weights(of: site)
    let kernel = Array((site.network.parameter(.weight, of: site.node)?.shape ?? []).dropFirst(2))
    graph.append(
      "Conv", site.inputs + [weights[.weight], weights[.bias]].compactMap(\.self), makes: site.name,
      [
        "kernel_shape": .ints(kernel), "strides": .ints(geometry.stride),
        "pads": .ints(geometry.padding + geometry.padding), "dilations": .ints(geometry.dilation),
        "group": .int(geometry.groups),
      ])
  }
}
