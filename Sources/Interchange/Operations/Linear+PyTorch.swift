import Networks

extension Linear: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .module("nn.Linear(\(site.weight[1]), \(site.weight[0])\(site.bias))")
  }
}
