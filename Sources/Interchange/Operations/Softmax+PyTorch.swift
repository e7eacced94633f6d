import Networks

extension Softmax: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("torch.softmax(\(site.x), dim=\(axis + 1))") }
}

extension LogSoftmax: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("torch.log_softmax(\(site.x), dim=\(axis + 1))") }
}
