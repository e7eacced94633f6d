import Networks

extension Outputs: PyTorchExportable {
  /// At the network's end a module gives a dictionary of its values; elsewhere they are joined.
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    guard site.network.isJoinedResult(site.node) else {
      let rows = site.inputs.map { "\($0).flatten(1)" }
      return .expression("torch.cat([\(rows.joined(separator: ", "))], dim=1)")
    }
    let values = zip(names, site.inputs).map { "\(PythonText.literal($0)): \($1)" }
    return .expression("{\(values.joined(separator: ", "))}")
  }
}
