import Networks

extension Stored: PyTorchExportable {
  /// A module of the file's own, `PyTorchModule.storedClass`.
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let shape = site.network.parameter(.constant, of: site.node)?.shape ?? site.weight
    return .module("Stored(\(PythonText.tuple(shape)), \(site.node.parameters[.weight] == nil ? "False" : "True"))")
  }
}
