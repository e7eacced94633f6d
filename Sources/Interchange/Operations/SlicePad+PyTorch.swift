import Networks

extension Slice: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let range = "\(start):\(end.map(String.init) ?? ""):\(step)"
    return .expression("\(site.x)[:, \(String(repeating: ":, ", count: axis))\(range)]")
  }
}

extension Pad: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let pads = Array(repeating: 0, count: 2 * (site.shape.count - 1 - axis)) + [before, after]
    return .expression(PythonText.padded(site.x, pads, value))
  }
}
