import Containers
import Networks
import Torch

extension Network {
  /// The network with every parameter taken from `weights`.
  ///
  /// - Parameter source: what the weights are called in messages.
  /// - Throws: `ContainerError`, one for everything that is missing, unexpected or misshapen.
  public func loading(_ weights: [String: Tensor], from source: String) throws -> Network {
    let tensors = weights.sorted { $0.key < $1.key }.map { name, tensor in
      StoredTensor(path: [name], shape: tensor.shape, type: "float32", isFloat: true, read: { tensor })
    }
    return try loading(WeightSelection(WeightFile(name: source, tensors: tensors), for: self))
  }

  /// The network with the parameters that were found in a file.
  ///
  /// - Throws: `ContainerError`, one for everything that does not fit.
  public func loading(_ selection: WeightSelection) throws -> Network {
    var result = self
    for (name, tensor) in try selection.parameters() { result.parameters[name] = tensor }
    if let broken = result.brokenParameter {
      throw ContainerError("\(selection.file.name) cannot be used: \(broken); use weights from an earlier checkpoint")
    }
    return result
  }
}
