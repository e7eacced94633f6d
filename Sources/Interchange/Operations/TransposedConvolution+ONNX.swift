import Networks

extension TransposedConvolution: ONNXExportable {
  /// ONNX has the inputs first.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    guard let name = site.node.parameters[.weight], let weight = site.network.parameters[name] else { return }
    let inputsFirst = weight.swappingGroupedAxes(groups: geometry.groups)
    // Another layer may read it in the order that it has in the network.
    let users = site.network.nodes.filter { $0.parameters.values.contains(name) }
    let isOwn = users.allSatisfy { ($0.operation as? TransposedConvolution)?.groups == geometry.groups }
    var inputs = site.inputs + [graph.store(isOwn ? name : "\(site.name).inputs_first", inputsFirst)]
    if let bias = site.node.parameters[.bias], let tensor = site.network.parameters[bias] {
      inputs.append(graph.store(bias, tensor))
    }
    graph.append(
      "ConvTranspose", inputs, makes: site.name,
      [
        "kernel_shape": .ints(Array(weight.shape[2...])), "strides": .ints(geometry.stride),
        "pads": .ints(geometry.padding + geometry.padding), "dilations": .ints(geometry.dilation),
        "output_padding": .ints(outputPadding), "group": .int(geometry.groups),
      ])
  }
}
