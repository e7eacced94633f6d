import Networks

extension Dropout: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("F.dropout(\(site.x), \(probability), self.training)")
  }
}
