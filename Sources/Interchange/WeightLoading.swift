import Containers
import Networks
import Torch

extension Network {
  /// The network with every parameter taken from `weights`.
  ///
  /// - Parameter source: what the weights are called in messages.
  /// - Throws: `ContainerError`, one for everything that is missing, unexpected or misshapen.
  public func loading(_ weights: [String: Tensor], from source: String) throws -> Network {
    let wanted = Set(parameterNames)
    let missing = wanted.subtracting(weights.keys).sorted()
    let unexpected = Set(weights.keys).subtracting(wanted).sorted()
    let misshapen = wanted.intersection(weights.keys).sorted().compactMap { name -> String? in
      let (found, expected) = (weights[name]?.shape ?? [], parameters[name]?.shape ?? [])
      return found == expected ? nil : "\(name) is \(found), expected \(expected)"
    }
    var problems: [String] = []
    if !missing.isEmpty { problems.append("missing: \(missing.joined(separator: ", "))") }
    if !unexpected.isEmpty { problems.append("unexpected: \(unexpected.joined(separator: ", "))") }
    if !misshapen.isEmpty { problems.append("misshapen: \(misshapen.joined(separator: ", "))") }
    guard problems.isEmpty else {
      throw ContainerError("\(source) does not fit the architecture; \(problems.joined(separator: "; "))")
    }
    var result = self
    for name in wanted { result.parameters[name] = weights[name] }
    if let broken = result.brokenParameter {
      throw ContainerError("\(source) cannot be used: \(broken); take weights from before that happened")
    }
    return result
  }
}
