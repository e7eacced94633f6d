extension StoredTensor {
  /// The tensor under the name that torchvision gives it today: its files of DenseNet and of the vision transformer have
  /// names of earlier versions, which torchvision itself replaces while loading.
  func withPresentName() -> StoredTensor {
    guard let key = path.last, let name = Self.presentName(of: key) else { return self }
    var result = self
    result.path[path.count - 1] = name
    return result
  }

  private static func presentName(of name: String) -> String? {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if let layer = parts.firstIndex(where: { $0.hasPrefix("denselayer") }), parts.count == layer + 4,
      ["norm", "conv"].contains(parts[layer + 1]), ["1", "2"].contains(parts[layer + 2])
    {
      parts[layer + 1] += parts.remove(at: layer + 2)
      return parts.joined(separator: ".")
    }
    if let layer = parts.firstIndex(of: "mlp"), parts.count == layer + 3, parts.contains("encoder"),
      let place = ["linear_1": "0", "linear_2": "3"][parts[layer + 1]]
    {
      parts[layer + 1] = place
      return parts.joined(separator: ".")
    }
    return nil
  }
}
