import Networks

extension Activation: PyTorchExportable {
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm { .expression(expression(of: site.x)) }

  private func expression(of x: String) -> String {
    switch self {
    case .relu: "F.relu(\(x))"
    case .leakyRelu(let slope): "F.leaky_relu(\(x), \(slope))"
    case .cappedRelu(let limit): Self.clamped(x, from: 0, to: limit)
    case .clip(let low, let high): Self.clamped(x, from: low, to: high)
    case .elu(let alpha): "F.elu(\(x), \(alpha))"
    case .gelu(let approximated): "F.gelu(\(x), approximate=\"\(approximated ? "tanh" : "none")\")"
    case .silu: "F.silu(\(x))"
    case .sigmoid: "torch.sigmoid(\(x))"
    case .tanh: "torch.tanh(\(x))"
    case .erf: "torch.erf(\(x))"
    case .hardSwish: "F.hardswish(\(x))"
    case .softplus: "F.softplus(\(x))"
    case .mish: "F.mish(\(x))"
    case .exponential: "torch.exp(\(x))"
    case .logarithm: "torch.log(\(x))"
    case .absolute: "torch.abs(\(x))"
    case .sign: "torch.sign(\(x))"
    case .hardSigmoid(let slope, let shift): "torch.clamp(\(x) * \(slope) + \(shift), 0, 1)"
    }
  }

  /// A bound that no float32 reaches is none.
  private static func clamped(_ x: String, from low: Double, to high: Double) -> String {
    let bounds = [low, high].map { abs($0) < Double(Float.greatestFiniteMagnitude) ? "\($0)" : "None" }
    return bounds == ["None", "None"] ? x : "torch.clamp(\(x), \(bounds[0]), \(bounds[1]))"
  }
}
