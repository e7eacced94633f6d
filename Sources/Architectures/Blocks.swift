import Networks

/// What the convolutional blocks of one family have in common.
struct BlockStyle {
  var activation: Activation = .relu
  var norm = BatchNorm()
}

extension NetworkBuilder {
  /// A k×k convolution with as much padding as keeps the size, its batch norm, and an activation unless it is nil.
  mutating func normalized(
    _ x: String, _ name: String, _ norm: String, units: Int, kernel: Int = 3, stride: Int = 1, groups: Int = 1,
    _ style: BlockStyle = BlockStyle(), activated: Bool = true
  ) throws -> String {
    let half = kernel / 2
    let y = try convolution(
      x, name, units: units, kernel: [kernel, kernel], stride: [stride, stride], padding: [half, half], groups: groups)
    let normed = try batchNorm(y, norm, style.norm)
    return activated ? try activation(normed, style.activation) : normed
  }

  /// The same under the names of torchvision's `Conv2dNormActivation`: `name.0` and `name.1`.
  mutating func convolutionBlock(
    _ x: String, _ name: String, units: Int, kernel: Int = 3, stride: Int = 1, groups: Int = 1, _ style: BlockStyle,
    activated: Bool = true
  ) throws -> String {
    try normalized(
      x, "\(name).0", "\(name).1", units: units, kernel: kernel, stride: stride, groups: groups, style,
      activated: activated)
  }

  /// Channels weighted by a gate that sees their means (squeeze and excitation, Hu et al. 2018): `name.fc1`, `name.fc2`.
  mutating func squeezeExcitation(
    _ x: String, _ name: String, squeezed: Int, activation: Activation = .relu, gate: Activation = .sigmoid
  ) throws -> String {
    let channels = shape(of: x)[0]
    let mean = try globalAveragePool(x)
    let inner = try self.activation(
      convolution(mean, "\(name).fc1", units: squeezed, kernel: [1, 1], bias: true), activation)
    let outer = try convolution(inner, "\(name).fc2", units: channels, kernel: [1, 1], bias: true)
    return try multiply(x, self.activation(outer, gate))
  }

  /// The classes from the means of all channels.
  mutating func pooledClassifier(_ x: String, _ name: String, classes: Int, dropout: Double = 0) throws -> Network {
    let pooled = try flatten(globalAveragePool(x))
    return try finish(linear(dropout > 0 ? self.dropout(pooled, dropout) : pooled, name, units: classes))
  }
}

/// The multiple of 8 next to a number of channels, but not less than 90 % of it (Sandler et al. 2018).
func channels(_ count: Double) -> Int {
  let rounded = max(8, Int(count + 4) / 8 * 8)
  return Double(rounded) < 0.9 * count ? rounded + 8 : rounded
}
