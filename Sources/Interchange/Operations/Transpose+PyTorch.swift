import Networks

extension Transpose: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("\(site.x).permute(\(PythonText.tuple([0] + permutation.map { $0 + 1 })))")
  }
}

extension MatrixProduct: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression("\(site.x) @ \(site.inputs[1])") }
}
