import Networks

extension Flatten: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("torch.flatten(\(site.x), 1)") }
}

extension Reshape: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("\(site.x).reshape(-1, \(shape.map(String.init).joined(separator: ", ")))")
  }
}
