import Networks
import Torch

/// Two layers with nothing between them but a ReLU: the channels between may be scaled by any positive number.
struct EqualizablePair {
  /// Names of the layers.
  let first, second: String
  /// The name of what `second` reads.
  let value: String
}

extension Network {
  /// Pairs of layers whose channels between can be scaled.
  var equalizablePairs: [EqualizablePair] {
    nodes.compactMap { second in
      guard let layer = second.operation as? any WeightedOperation, layer.groups == 1, !sharesWeight(second),
        let value = self[second.inputs[0]], readers(of: value.name).count == 1, output != value.name
      else { return nil }
      var first = value
      if value.operation as? Activation == .relu {
        guard let source = self[value.inputs[0]], readers(of: source.name).count == 1 else { return nil }
        first = source
      }
      guard first.operation is any WeightedOperation, !sharesWeight(first),
        let units = parameter(.weight, of: first)?.shape[0], let weight = parameter(.weight, of: second)?.shape,
        // Behind a flattening each channel is several inputs.
        weight[1] == units
      else { return nil }
      return EqualizablePair(first: first.name, second: second.name, value: value.name)
    }
  }

  /// The network with the channels between pairs of layers scaled so that their numbers reach as far as the weights that
  /// read them: √(largest number/largest weight) is moved from the one to the other (SmoothQuant, Xiao et al., ICML
  /// 2023, α = ½). It computes the same; rounded with one scale for all channels, small ones lose less.
  ///
  /// - Parameter reaches: the largest magnitude of every channel, by the name of a pair's value.
  func equalized(_ reaches: [String: [Double]]) -> Network {
    var result = self
    for pair in equalizablePairs {
      guard let reach = reaches[pair.value], let first = result[pair.first], let second = result[pair.second],
        let weight = result.parameter(.weight, of: second), let made = result.parameter(.weight, of: first),
        reach.count == weight.shape[1]
      else { continue }
      let largest = weight.magnitude.max(axes: weight.shape.indices.filter { $0 != 1 }).doubles
      let scales = zip(reach, largest).map { $0 > 0 && $1 > 0 ? ($0 / $1).squareRoot() : 1 }
      let middle = scales.sorted()[scales.count / 2]
      let factors = Tensor(scales.map { Float($0 / middle) }, shape: [scales.count])
      func along(_ axis: Int, of shape: [Int]) -> Tensor { factors.reshaped(shape.indices.map { $0 == axis ? -1 : 1 }) }
      result.set(.weight, of: pair.first, to: made / along(0, of: made.shape))
      if let bias = result.parameter(.bias, of: first) { result.set(.bias, of: pair.first, to: bias / factors) }
      result.set(.weight, of: pair.second, to: weight * along(1, of: weight.shape))
    }
    return result
  }
}
