import Torch

extension Network {
  /// What is wrong with the stored numbers, naming the tensor; nil where they can be used.
  ///
  /// Weights and statistics have to be finite. A constant may be infinite, as masks of attention are.
  public var brokenParameter: String? {
    var seen = Set<String>()
    for node in nodes {
      for (role, name) in node.parameters.sorted(by: { $0.key < $1.key }) where seen.insert(name).inserted {
        guard let largest = parameters[name]?.maximumMagnitude else { continue }
        if role == .constant ? largest.isNaN : !largest.isFinite { return "\(name) holds numbers that are not finite" }
      }
    }
    return nil
  }

  /// Why the network's outputs for these images say nothing, in half a sentence that names where it begins; nil where
  /// they are finite and differ from image to image.
  ///
  /// - Parameter images: two or more, N×C×H×W, of the type that it is run in.
  /// - Throws: `NetworkError` when the network is not valid.
  public func complaint(on images: Tensor) throws -> Complaint? {
    try validate()
    if let brokenParameter { return Complaint(kind: .isNotFinite, cause: brokenParameter) }
    let constants = constantValues
    var context = RunContext(mode: .evaluation)
    return withoutGradients {
      var values = [Network.inputName: images]
      var first: Complaint?
      for node in nodes {
        let tensors = NodeParameters { role in self.parameter(role, of: node)?.to(images.dtype) }
        let value = node.operation.run(node.inputs.compactMap { values[$0] }, tensors, &context)
        values[node.name] = value
        let largest = value.maximumMagnitude
        if first == nil || first?.kind == .isConstant, !largest.isFinite {
          first = Complaint(kind: .isNotFinite, cause: "\(node.name) is the first to give numbers that are not finite")
        } else if first == nil, !constants.contains(node.name), !value.differsBetweenImages {
          first = Complaint(kind: .isConstant, cause: "\(node.name) is the first to give the same for every image")
        }
      }
      guard let result = values[output], let first else { return nil }
      let isFinite = result.maximumMagnitude.isFinite
      if isFinite, result.differsBetweenImages { return nil }
      return first.kind == (isFinite ? .isConstant : .isNotFinite)
        ? first : Complaint(kind: isFinite ? .isConstant : .isNotFinite, cause: "\(output) is where it shows")
    }
  }
}

/// Why the outputs of a network say nothing.
public struct Complaint: Sendable, Equatable {
  public enum Kind: Sendable { case isNotFinite, isConstant }
  public var kind: Kind
  /// Half a sentence that names a parameter or a node.
  public var cause: String
}

extension Tensor {
  /// Whether the slices along axis 0 differ by more than rounding in float64.
  public var differsBetweenImages: Bool {
    let spread = (self - slice(axis: 0, from: 0, to: 1)).maximumMagnitude
    return spread > 1e-9 * Swift.max(maximumMagnitude, 1e-300)
  }
}
