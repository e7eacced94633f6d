import Networks

extension TransposedConvolution: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let weight = site.weight
    var words = ["\(weight[1] * geometry.groups)", "\(weight[0])", PythonText.tuple(Array(weight[2...]))]
    if geometry.stride != [1, 1] { words.append("stride=\(PythonText.tuple(geometry.stride))") }
    if geometry.padding != [0, 0] { words.append("padding=\(PythonText.tuple(geometry.padding))") }
    if outputPadding != [0, 0] { words.append("output_padding=\(PythonText.tuple(outputPadding))") }
    if geometry.dilation != [1, 1] { words.append("dilation=\(PythonText.tuple(geometry.dilation))") }
    if geometry.groups != 1 { words.append("groups=\(geometry.groups)") }
    return .module("nn.ConvTranspose2d(\(words.joined(separator: ", "))\(site.bias))")
  }

  /// PyTorch has the inputs first.
  func loaded(_ role: Role, _ tensor: String) -> String? {
    guard role == .weight else { return nil }
    guard geometry.groups > 1 else { return "\(tensor).transpose(0, 1)" }
    return "\(tensor).unflatten(0, (\(geometry.groups), -1)).transpose(1, 2).flatten(0, 1)"
  }
}
