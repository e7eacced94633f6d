import Networks

extension Network {
  /// LeNet-5 with ReLU and max pooling (after LeCun et al. 1998); 28×28 images are padded to 32×32.
  ///
  /// - Throws: `NetworkError` when the image is smaller than 12×12 pixels.
  public static func lenet5(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    return try net.lenet5(classes: classes)
  }
}

extension NetworkBuilder {
  mutating func lenet5(classes: Int) throws -> Network {
    let padding = shape(of: input).dropFirst() == [28, 28] ? [2, 2] : [0, 0]
    var x = try convolution(
      input, "conv1", units: 6, kernel: [5, 5], padding: padding, bias: true, initialization: .uniform)
    x = try maxPool(relu(x), 2)
    x = try convolution(x, "conv2", units: 16, kernel: [5, 5], bias: true, initialization: .uniform)
    x = try flatten(maxPool(relu(x), 2))
    x = try relu(linear(x, "fc1", units: 120))
    x = try relu(linear(x, "fc2", units: 84))
    return try finish(linear(x, "fc3", units: classes))
  }
}
