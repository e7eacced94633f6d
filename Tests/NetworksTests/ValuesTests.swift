import Networks
import Testing
import Torch

@Suite struct ValuesTests {
  /// The values after `operation`, behind a 1×1 convolution whose three units carry 0, 2 and something that varies.
  private func values(
    after operation: any Networks.Operation, _ tensors: [Role: Tensor] = [:], padding: [Int] = [0, 0]
  ) throws -> [ChannelValue] {
    var net = NetworkBuilder(input: [1, 4, 4], seed: 0)
    let x = try net.append(
      Convolution(), "source", reading: [net.input],
      parameters: [.weight: Tensor([0.0, 0, 1], shape: [3, 1, 1, 1]), .bias: Tensor([0.0, 2, 0], shape: [3])])
    let network = try net.finish(net.append(operation, "node", reading: [x], parameters: tensors))
    let values = try network.channelValues()
    #expect(values[x] == [.constant(0), .constant(2), .varying])
    return try #require(values["node"])
  }

  @Test func `the image varies`() throws {
    #expect(try single(Activation.relu, input: [2, 2, 2]).channelValues()["input"] == [.varying, .varying])
  }

  @Test func `batch norm moves a constant by its statistics`() throws {
    let statistics: [Role: Tensor] = [
      .weight: Tensor([1.0, 3, 1], shape: [3]), .bias: Tensor([0.5, 1, 0], shape: [3]),
      .runningMean: Tensor([1.0, 1, 0], shape: [3]), .runningVariance: Tensor([3.0, 8, 1], shape: [3]),
    ]
    let found = try values(after: BatchNorm(epsilon: 1), statistics)
    #expect(found == [.constant(0), .constant(2), .varying])
  }

  @Test func `batch norm with a scale of zero gives its shift whatever it reads`() throws {
    let statistics: [Role: Tensor] = [
      .weight: .zeros([3]), .bias: Tensor([0.0, 1, 5], shape: [3]), .runningMean: .ones([3]),
      .runningVariance: .ones([3]),
    ]
    #expect(try values(after: BatchNorm(), statistics) == [.constant(0), .constant(1), .constant(5)])
  }

  @Test func `activations map constants`() throws {
    #expect(try values(after: Activation.cappedRelu(limit: 1.5)) == [.constant(0), .constant(1.5), .varying])
    #expect(try values(after: Activation.elu(alpha: 2))[1] == .constant(2))
  }

  @Test func `ReLU of a negative constant is zero`() throws {
    let network = single(
      BatchNorm(), input: [1, 2, 2],
      [
        .weight: .zeros([1]), .bias: Tensor([-3.0], shape: [1]), .runningMean: .zeros([1]),
        .runningVariance: .ones([1]),
      ])
    var behind = network
    behind.nodes.append(Node(name: "relu", operation: Activation.relu, inputs: ["node"]))
    behind.nodes.append(Node(name: "leaky", operation: Activation.leakyRelu(slope: 0.5), inputs: ["node"]))
    behind.nodes.append(Node(name: "elu", operation: Activation.elu(alpha: 1), inputs: ["node"]))
    #expect(try behind.channelValues()["relu"] == [.constant(0)])
    #expect(try behind.channelValues()["leaky"] == [.constant(-1.5)])
    guard case .constant(let value) = try #require(behind.channelValues()["elu"])[0] else {
      Issue.record("elu of a constant varies")
      return
    }
    #expect(abs(value - -0.950212932) < 1e-8)
  }

  @Test func `pooling keeps constants`() throws {
    let all: [ChannelValue] = [.constant(0), .constant(2), .varying]
    #expect(try values(after: Pooling.globalAverage) == all)
    #expect(try values(after: Pooling.globalMax) == all)
    #expect(try values(after: Pooling.max(PoolingGeometry(kernel: [3, 3], padding: [1, 1]))) == all)
    #expect(try values(after: Pooling.average(PoolingGeometry(kernel: [2, 2]))) == all)
  }

  @Test func `a padded average of a constant varies, of zero it does not`() throws {
    let pooling = Pooling.average(PoolingGeometry(kernel: [3, 3], padding: [1, 1]))
    #expect(try values(after: pooling) == [.constant(0), .varying, .varying])
  }

  @Test func `a mean that leaves padding out keeps constants, one that counts it on one side does not`() throws {
    func pooling(counts: Bool) -> Pooling {
      .average(PoolingGeometry(kernel: [2, 2], padding: [0, 0], endPadding: [0, 1], countIncludePad: counts))
    }
    #expect(try values(after: pooling(counts: false)) == [.constant(0), .constant(2), .varying])
    #expect(try values(after: pooling(counts: true)) == [.constant(0), .varying, .varying])
  }

  @Test func `what is padded with another number than its own varies`() throws {
    #expect(try values(after: Pad(axis: 1, before: 1, after: 0, value: 2)) == [.varying, .constant(2), .varying])
    #expect(try values(after: Pad(axis: 0, before: 1, after: 0, value: 5))[0] == .constant(5))
  }

  /// Units that read, of the channels 0, 2 and varying: the first two, all three, none.
  private var weight: Tensor { Tensor([5.0, 3, 0, 1, 1, 1, 0, 0, 0], shape: [3, 3, 1, 1]) }

  @Test func `a convolution of constants is the constant that the formula gives`() throws {
    let found = try values(after: Convolution(), [.weight: weight, .bias: Tensor([1.0, 0, 4], shape: [3])])
    #expect(found == [.constant(7), .varying, .constant(4)])
  }

  @Test func `zero padding turns a constant into something that varies`() throws {
    let padded = Convolution(ConvolutionGeometry(padding: [0, 1]))
    let found = try values(after: padded, [.weight: weight, .bias: Tensor([1.0, 0, 4], shape: [3])])
    #expect(found == [.varying, .varying, .constant(4)])
  }

  @Test func `a padded convolution of zero alone is its bias`() throws {
    let padded = Convolution(ConvolutionGeometry(padding: [1, 1]))
    let weight = Tensor([5.0, 0, 0], shape: [1, 3, 1, 1])
    #expect(try values(after: padded, [.weight: weight]) == [.constant(0)])
  }

  @Test func `a depthwise convolution reads its own channel`() throws {
    let depthwise = Convolution(ConvolutionGeometry(groups: 3))
    let weight = Tensor([1.0, 3, 1], shape: [3, 1, 1, 1])
    #expect(try values(after: depthwise, [.weight: weight]) == [.constant(0), .constant(6), .varying])
  }

  @Test func `taps of a kernel add up`() throws {
    let weight = Tensor([0.0, 0, 1, 2, 0, 0], shape: [1, 3, 1, 2])
    #expect(try values(after: Convolution(), [.weight: weight]) == [.constant(6)])
  }

  @Test func `taps that cancel each other still read something that varies`() throws {
    let weight = Tensor([0.0, 0, 0, 0, 1, -1], shape: [1, 3, 1, 2])
    #expect(try values(after: Convolution(), [.weight: weight]) == [.varying])
  }

  @Test func `slices and channel pads move constants along`() throws {
    #expect(try values(after: Slice(axis: 0, start: 1)) == [.constant(2), .varying])
    #expect(
      try values(after: Pad(axis: 0, before: 1, after: 1))
        == [.constant(0), .constant(0), .constant(2), .varying, .constant(0)])
    #expect(try values(after: Pad(axis: 1, before: 1, after: 0)) == [.constant(0), .varying, .varying])
  }

  @Test func `flattening repeats values`() throws {
    let repeated = try values(after: Flatten())
    #expect(repeated.count == 48)
    #expect(repeated[15...16] == [.constant(0), .constant(2)])
  }

  @Test func `a reshape keeps what each channel carries, and makes everything vary where it joins them with pixels`()
    throws
  {
    #expect(try values(after: Reshape([3, 16])) == [.constant(0), .constant(2), .varying])
    #expect(try values(after: Reshape([1, 3, 2, 8])) == [.constant(0), .constant(2), .varying])
    #expect(try values(after: Reshape([12, 4])) == Array(repeating: .varying, count: 12))
  }

  @Test func `sums and products of constants are constants, and zero swallows what varies`() throws {
    var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
    let x = try net.append(
      Convolution(), "a", reading: [net.input],
      parameters: [.weight: Tensor([0.0, 0, 1], shape: [3, 1, 1, 1]), .bias: Tensor([0.0, 2, 0], shape: [3])])
    let y = try net.append(
      Convolution(), "b", reading: [net.input],
      parameters: [.weight: Tensor([1.0, 0, 1], shape: [3, 1, 1, 1]), .bias: Tensor([0.0, 3, 0], shape: [3])])
    let sum = try net.add(x, y)
    let product = try net.append(Elementwise.multiply, reading: [x, y])
    let both = try net.concatenate([sum, product])
    let values = try net.finish(both).channelValues()
    #expect(values[sum] == [.varying, .constant(5), .varying])
    #expect(values[product] == [.constant(0), .constant(6), .varying])
    #expect(values[both] == (values[sum] ?? []) + (values[product] ?? []))
  }
}
