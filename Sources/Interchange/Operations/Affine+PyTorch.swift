import Networks

extension Affine: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("\(site.x) * \(scale) + \(shift)") }
}

extension Power: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("\(site.x) ** \(exponent)") }
}
