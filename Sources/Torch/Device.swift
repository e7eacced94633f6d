import CTorch

/// Where a tensor's elements lie and its operations run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
  case cpu
  /// One of NVIDIA's processors, counted from 0.
  case cuda(Int)

  /// Reads `cpu`, `cuda` or `cuda:1`.
  public init?(_ name: String) {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("cpu", 1): self = .cpu
    case ("cuda", 1): self = .cuda(0)
    case ("cuda", 2):
      guard let index = Int(parts[1]), (0..<128).contains(index) else { return nil }
      self = .cuda(index)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }

  /// The devices of this machine that the linked libtorch can use.
  public static var available: [Device] { [.cpu] + (0..<Int(ct_cuda_devices())).map(Device.cuda) }

  var code: Int32 {
    switch self {
    case .cpu: -1
    case .cuda(let index): Int32(clamping: index)
    }
  }
}

extension Tensor {
  public var device: Device {
    let code = withExtendedLifetime(storage) { ct_device_of(storage.pointer) }
    return code < 0 ? .cpu : .cuda(Int(code))
  }

  /// The same elements on `device`; self when they are there already.
  public func to(_ device: Device) -> Tensor {
    self.device == device ? self : calling(self) { ct_to_device($0, device.code) }
  }
}
