import Networks

extension Mean: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("\(site.x).mean(\(PythonText.tuple(axes.map { $0 + 1 })), keepdim=True)")
  }
}

extension Maximum: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("\(site.x).amax(\(PythonText.tuple(axes.map { $0 + 1 })), keepdim=True)")
  }
}
