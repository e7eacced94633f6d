import Networks

extension PReLU: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .module("nn.PReLU(\(site.weight[0]))") }
}
