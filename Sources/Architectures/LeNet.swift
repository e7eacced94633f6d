import Networks

extension Network {
  /// LeNet-5 with ReLU and max pooling (after LeCun et al. 1998); 28×28 images are padded to 32×32.
  ///
  /// - Throws: `NetworkError` when the image is smaller than 12×12 pixels.
  public static func lenet5(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    let padding = shape[1...] == [28, 28] ? [2, 2] : [0, 0]
    var x = try net.convolution(
      net.input, "conv1", units: 6, kernel: [5, 5], padding: padding, bias: true, initialization: .uniform)
    x = try net.maxPool(net.relu(x), 2)
    x = try net.convolution(x, "conv2", units: 16, kernel: [5, 5], bias: true, initialization: .uniform)
    x = try net.flatten(net.maxPool(net.relu(x), 2))
    x = try net.relu(net.linear(x, "fc1", units: 120))
    x = try net.relu(net.linear(x, "fc2", units: 84))
    return try net.finish(net.linear(x, "fc3", units: classes))
  }
}
