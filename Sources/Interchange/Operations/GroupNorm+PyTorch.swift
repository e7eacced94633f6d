import Networks

extension GroupNorm: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let affine = site.node.parameters[.weight] == nil ? ", affine=False" : ""
    return .module("nn.GroupNorm(\(groups), \(site.shape[0]), eps=\(epsilon)\(affine))")
  }
}
