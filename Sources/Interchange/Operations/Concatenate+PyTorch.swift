import Networks

extension Concatenate: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let constants = site.network.constantValues
    let inputs = zip(site.node.inputs, site.inputs).map { name, variable in
      // What is the same for every image has a batch of one, which only joining does not spread.
      guard constants.contains(name), !constants.contains(site.node.name) else { return variable }
      let rest = site.shapes[name, default: []].map { _ in "-1" }
      return "\(variable).expand(\((["len(x)"] + rest).joined(separator: ", ")))"
    }
    return .expression("torch.cat([\(inputs.joined(separator: ", "))], dim=\(axis + 1))")
  }
}
