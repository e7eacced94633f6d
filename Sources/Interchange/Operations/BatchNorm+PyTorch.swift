import Networks

extension BatchNorm: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let channels = site.network.parameter(.runningMean, of: site.node)?.shape[0] ?? 0
    let affine = site.node.parameters[.weight] == nil ? ", affine=False" : ""
    let axes = max(1, site.shape.count - 1)
    return .module("nn.BatchNorm\(axes)d(\(channels), eps=\(epsilon), momentum=\(momentum)\(affine))")
  }
}
