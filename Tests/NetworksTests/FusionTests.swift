import Architectures
import Networks
import Testing
import Torch

@Suite struct FusionTests {
  /// Output, statistics and gradients of one run in training.
  private func trained(_ network: Network, fusing: Bool, as dtype: Tensor.DType = .float32) throws -> [Tensor] {
    let program = try Program(network.placed(on: .cpu), fusing ? .training : .reference)
    let trained = Set(network.trainableNames)
    let tensors = program.parameters.enumerated().map { index, tensor in
      trained.contains(program.parameterNames[index]) ? tensor.to(dtype).leaf : tensor.to(dtype)
    }
    let leaves = zip(program.parameterNames, tensors).filter { trained.contains($0.0) }.map(\.1)
    let images = Tensor.normal([8] + network.inputShape, using: Generator(seed: 3)).to(dtype).channelsLast
    let result = program.run(images, parameters: tensors, mode: .training)
    let labels = Tensor((0..<8).map { Int64($0 % 4) }, shape: [8])
    let gradients = result.output.crossEntropy(labels: labels).gradients(of: leaves)
    return [result.output.detached] + result.statistics.sorted { $0.index < $1.index }.map(\.value) + gradients
  }

  private func expectSame(_ network: Network, pieces: Int) throws {
    #expect(try Program(network, .training).instructions.count == pieces)
    let exact = try trained(network, fusing: false, as: .float64)
    let (fused, plain) = (try trained(network, fusing: true), try trained(network, fusing: false))
    #expect(fused.count == exact.count)
    for (index, value) in exact.enumerated() {
      let size = value.maximumMagnitude
      let (error, usual) = ((fused[index].to(.float64) - value), (plain[index].to(.float64) - value))
      #expect(error.maximumMagnitude <= 1e-4 * size + 4 * usual.maximumMagnitude)
    }
    let images = Tensor.normal([4] + network.inputShape, using: Generator(seed: 5)).channelsLast
    let evaluated = try [(true, Tensor.DType.float32), (false, .float64)].map { fusing, dtype in
      let program = try Program(network.placed(on: .cpu), fusing ? .training : .reference)
      let tensors = program.parameters.map { $0.to(dtype) }
      return withoutGradients { program.run(images.to(dtype), parameters: tensors, mode: .evaluation).output }
    }
    expectClose(evaluated[0], evaluated[1])
  }

  @Test func `a residual network gives what it gave, with three nodes in one`() throws {
    let network = try Network.cifarResNet(blocks: 3, input: [3, 16, 16], classes: 4, seed: 0)
    // Nineteen batch norms, of which nine stand before an addition.
    try expectSame(network, pieces: network.nodes.count - 19 - 9)
  }

  @Test func `a decomposed network gives what it gave`() throws {
    let network = try Network.dec3(input: [3, 16, 16], classes: 4, seed: 0)
    // Six ReLUs behind batch norms, and two poolings behind those.
    try expectSame(network, pieces: network.nodes.count - 6 - 2)
  }

  /// Convolution, batch norm, ReLU and a max pooling, of which the last three can be one.
  private func pooled(_ geometry: PoolingGeometry, pixels: Int = 8, readTwice: Bool = false) throws -> Network {
    var net = NetworkBuilder(input: [3, pixels, pixels], seed: 0)
    let x = try net.relu(net.batchNorm(net.convolution(net.input, "conv", units: 20, kernel: [1, 1]), "bn"))
    let pooled = try net.append(Pooling.max(geometry), reading: [x])
    let features = try net.flatten(net.globalAveragePool(pooled))
    let scores = try net.linear(features, "fc", units: 4)
    guard readTwice else { return try net.finish(scores) }
    let others = try net.linear(net.flatten(net.globalAveragePool(x)), "other", units: 4)
    return try net.finish(net.add(scores, others))
  }

  @Test func `a pooling by windows side by side runs with the norm, whether they fill the image or not`() throws {
    for (kernel, pixels) in [([2, 2], 8), ([2, 4], 8), ([3, 3], 8), ([2, 2], 9)] {
      let network = try pooled(PoolingGeometry(kernel: kernel), pixels: pixels)
      try expectSame(network, pieces: network.nodes.count - 2)
    }
  }

  @Test func `windows that overlap, begin in padding or end outside stay a pooling`() throws {
    for geometry in [
      PoolingGeometry(kernel: [3, 3], stride: [2, 2]), PoolingGeometry(kernel: [2, 2], padding: [1, 1]),
      PoolingGeometry(kernel: [3, 3], ceilMode: true), PoolingGeometry(kernel: [2, 2], endPadding: [1, 0]),
    ] {
      let network = try pooled(geometry)
      try expectSame(network, pieces: network.nodes.count - 1)
    }
  }

  @Test func `a ReLU that more than a pooling reads stays a value`() throws {
    let network = try pooled(PoolingGeometry(kernel: [2, 2]), readTwice: true)
    try expectSame(network, pieces: network.nodes.count - 1)
  }

  @Test func `a norm that is read twice stays a value`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.batchNorm(net.convolution(net.input, "conv", units: 4, kernel: [1, 1]), "bn")
    let network = try net.finish(net.flatten(net.add(net.relu(x), x)))
    #expect(try Program(network, .training).instructions.count == network.nodes.count)
    let doubled = try {
      var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
      let x = try net.batchNorm(net.convolution(net.input, "conv", units: 4, kernel: [1, 1]), "bn")
      return try net.finish(net.relu(net.add(x, x)))
    }()
    #expect(try Program(doubled, .training).instructions.count == doubled.nodes.count)
  }

  @Test func `a sum that is the network's output is not cut`() throws {
    var net = NetworkBuilder(input: [4, 8, 8], seed: 0)
    let sum = try net.add(net.batchNorm(net.input, "bn"), net.input)
    _ = try net.relu(sum)
    let network = try net.finish(sum)
    #expect(try Program(network, .training).instructions.count == network.nodes.count)
    #expect(try network(-Tensor.ones([1, 4, 8, 8])).doubles.allSatisfy { $0 < 0 })
  }

  @Test func `of two norms that are added the first runs with the sum`() throws {
    var net = NetworkBuilder(input: [4, 8, 8], seed: 0)
    let (a, b) = (try net.batchNorm(net.input, "a"), try net.batchNorm(net.input, "b"))
    let x = try net.globalAveragePool(net.relu(net.add(a, b)))
    try expectSame(net.finish(net.linear(net.flatten(x), "fc", units: 4)), pieces: 5)
  }
}
