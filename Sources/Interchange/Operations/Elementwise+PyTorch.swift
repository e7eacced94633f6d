import Networks

extension Elementwise: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let sign =
      switch self {
      case .add: " + "
      case .multiply: " * "
      case .subtract: " - "
      case .divide: " / "
      }
    return .expression(site.inputs.joined(separator: sign))
  }
}
