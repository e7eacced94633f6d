import Networks

extension Quantize: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm {
    let (scale, zero) = (grid.scale, grid.zeroPoint)
    let (low, high) = (grid.range.lowerBound, grid.range.upperBound)
    return .expression("torch.fake_quantize_per_tensor_affine(\(site.x), \(scale), \(zero), \(low), \(high))")
  }
}
