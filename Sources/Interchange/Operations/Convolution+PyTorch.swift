import Networks

extension Convolution: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let weight = site.weight
    var words = ["\(weight[1] * geometry.groups)", "\(weight[0])", PythonText.tuple(Array(weight[2...]))]
    if geometry.stride != [1, 1] { words.append("stride=\(PythonText.tuple(geometry.stride))") }
    if geometry.padding != [0, 0] { words.append("padding=\(PythonText.tuple(geometry.padding))") }
    if geometry.dilation != [1, 1] { words.append("dilation=\(PythonText.tuple(geometry.dilation))") }
    if geometry.groups != 1 { words.append("groups=\(geometry.groups)") }
    return .module("nn.Conv2d(\(words.joined(separator: ", "))\(site.bias))")
  }
}
