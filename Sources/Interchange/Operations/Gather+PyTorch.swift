import Networks

extension Gather: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    .expression("\(site.x).index_select(\(axis + 1), torch.tensor(\(indices), device=\(site.x).device))")
  }
}
