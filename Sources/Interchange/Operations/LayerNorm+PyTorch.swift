import Networks

extension LayerNorm: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let affine = site.node.parameters[.weight] == nil ? ", elementwise_affine=False" : site.bias
    return .module("nn.LayerNorm(\(PythonText.tuple(Array(site.shape.suffix(axes)))), eps=\(epsilon)\(affine))")
  }
}
