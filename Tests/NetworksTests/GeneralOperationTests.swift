import Networks
import Testing
import Torch

/// The rules of the operations that networks from elsewhere bring.
@Suite struct GeneralOperationTests {
  private static let activations: [Activation] = [
    .relu, .leakyRelu(slope: 0.1), .cappedRelu(limit: 6), .elu(alpha: 1.5), .gelu(approximated: false),
    .gelu(approximated: true), .silu, .sigmoid, .tanh, .erf, .hardSwish, .hardSigmoid(slope: 1.0 / 6, shift: 0.5),
    .clip(low: -0.5, high: 0.75), .softplus, .mish, .exponential, .absolute, .sign,
  ]

  /// A 1×1 convolution whose units carry the constants, and `operation` behind it.
  private func network(_ constants: [Double], _ operations: [any Networks.Operation]) throws -> Network {
    var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
    var x = try net.append(
      Convolution(), "source", reading: [net.input],
      parameters: [.weight: .zeros([constants.count, 1, 1, 1]), .bias: Tensor(constants, shape: [constants.count])])
    for operation in operations { x = try net.append(operation, reading: [x]) }
    return try net.finish(x)
  }

  private func expectForetold(_ constants: [Double], _ operations: [any Networks.Operation]) throws {
    let network = try network(constants, operations).to(.float64)
    let found = try network(Tensor.ones([1, 1, 2, 2]).to(.float64)).reshaped([constants.count, -1])
    let values = try #require(try network.channelValues()[network.output])
    for (index, value) in values.enumerated() {
      guard case .constant(let predicted) = value else {
        Issue.record("channel \(index) was to be constant")
        continue
      }
      for number in found.slice(axis: 0, from: index, to: index + 1).doubles { #expect(abs(number - predicted) < 1e-9) }
    }
  }

  @Test(arguments: activations)
  func `a constant through an activation is what running gives`(activation: Activation) throws {
    try expectForetold([-4, -0.3, 0, 0.3, 2, 7], [activation])
  }

  @Test func `constants through arithmetic are what running gives`() throws {
    try expectForetold([0.5, 2, 3], [Affine(scale: -2, shift: 7), Power(0.5)])
    try expectForetold([0.5, 2, 3], [Mean(axes: [1, 2]), Power(-1)])
  }

  private func frozen(_ operation: any Networks.Operation) throws -> Bool {
    var net = NetworkBuilder(input: [1, 4, 4], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 4, kernel: [3, 3], padding: [1, 1])
    let y = try net.append(operation, reading: [x])
    let z = try net.convolution(y, "after", units: 2, kernel: [1, 1])
    let network = try net.finish(net.flatten(net.globalAveragePool(z)))
    let coupling = try network.channelCoupling()
    let units = try #require(coupling.axes.first { $0.parameter == "conv.weight" && $0.axis == 0 }).channels
    return units.allSatisfy(coupling.frozen.contains)
  }

  @Test func `channels that are normalised together, shuffled or moved stay; others may go`() throws {
    for operation: any Networks.Operation in [
      LayerNorm(axes: 3), Softmax(axis: 0), Gather(axis: 0, indices: [3, 1, 0, 2]), Transpose([1, 0, 2]),
      Mean(axes: [0]), LogSoftmax(axis: 0), Maximum(axes: [0, 2]),
      Reshape([2, 2, 16]),
    ] { #expect(try frozen(operation), "\(operation)") }
    for operation: any Networks.Operation in [
      Softmax(axis: 1), Gather(axis: 1, indices: [0, 1]), Transpose([0, 2, 1]), Mean(axes: [1]), Affine(scale: 2),
      Power(2), Activation.silu, LogSoftmax(axis: 2), Maximum(axes: [1, 2]),
      Pad(axis: 1, before: 1, after: 0, value: 3),
    ] { #expect(try !frozen(operation), "\(operation)") }
  }

  @Test func `a layer scale is narrowed with the channels it scales`() throws {
    var net = NetworkBuilder(input: [1, 4, 4], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 4, kernel: [3, 3], padding: [1, 1])
    let scale = try net.append(Stored(), "scale", reading: [], parameters: [.weight: .ones([4, 1, 1])])
    let y = try net.append(Elementwise.multiply, reading: [x, scale])
    let network = try net.finish(net.linear(net.flatten(net.globalAveragePool(y)), "linear", units: 2))
    let coupling = try network.channelCoupling()
    let unit = try #require(coupling.axes.first { $0.parameter == "conv.weight" && $0.axis == 0 }).channels[1]
    let scaled = try #require(coupling.axes.first { $0.parameter == "scale.weight" }).channels[1]
    #expect(coupling.representative(unit) == coupling.representative(scaled))
  }

  /// A convolution of four units with a PReLU behind it.
  private func sloped(isShared: Bool) throws -> Network {
    var net = NetworkBuilder(input: [1, 4, 4], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 4, kernel: [3, 3], padding: [1, 1])
    let slopes = isShared ? [-0.5] : [0.25, -0.5, 0, 2]
    let y = try net.append(
      PReLU(isShared: isShared), "act", reading: [x],
      parameters: [.weight: Tensor(slopes, shape: [slopes.count]).to(.float32)])
    return try net.finish(net.linear(net.flatten(net.globalAveragePool(y)), "linear", units: 2, bias: false))
  }

  @Test func `slopes count as parameters, and go with their channels unless all have one`() throws {
    for isShared in [false, true] {
      let network = try sloped(isShared: isShared)
      #expect(try network.cost().parameters == 4 * 9 + 2 * 4 + (isShared ? 1 : 4))
      let coupling = try network.channelCoupling()
      let units = try #require(coupling.axes.first { $0.parameter == "conv.weight" && $0.axis == 0 }).channels
      #expect(Set(units).isDisjoint(with: coupling.frozen))
      let slopes = coupling.axes.filter { $0.parameter == "act.weight" }
      #expect(slopes.map(\.channels) == (isShared ? [] : [units]))
      #expect(slopes.allSatisfy { $0.role == .statistic })
    }
  }

  @Test func `of constants each slope makes what running gives`() throws {
    let slopes = Tensor([0.25, -0.5, 3], shape: [3])
    for (constants, tensor) in [([-4.0, -0.3, 2], slopes), ([-4, 0, 5], Tensor([-0.5], shape: [1]))] {
      var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
      let x = try net.append(
        Convolution(), "source", reading: [net.input],
        parameters: [.weight: .zeros([3, 1, 1, 1]), .bias: Tensor(constants, shape: [3])])
      let y = try net.append(
        PReLU(isShared: tensor.count == 1), reading: [x], parameters: [.weight: tensor])
      let network = try net.finish(y).to(.float64)
      let found = try network(.ones([1, 1, 2, 2], dtype: .float64)).slice(axis: 3, from: 0, to: 1).slice(
        axis: 2, from: 0, to: 1)
      let predicted = try #require(try network.channelValues()[y]).map { value in
        if case .constant(let number) = value { number } else { Double.nan }
      }
      #expect(zip(found.doubles, predicted).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test(arguments: [false, true]) func `slopes learn from what lies below zero`(isShared: Bool) throws {
    let network = try sloped(isShared: isShared).to(.float64)
    let program = try Program(network, .training)
    let tensors = program.parameterNames.compactMap { network.parameters[$0]?.leaf }
    let images = Tensor.normal([3, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))
    func loss(_ parameters: [Tensor]) -> Tensor {
      let output = program.run(images, parameters: parameters, mode: .training).output
      return (output * output).sum
    }
    let place = try #require(program.parameterNames.firstIndex(of: "act.weight"))
    let gradient = loss(tensors).gradients(of: tensors)[place].doubles
    for index in gradient.indices {
      var slopes = tensors[place].doubles
      let losses = [1e-6, -1e-6].map { step in
        slopes[index] = tensors[place].doubles[index] + step
        var moved = tensors
        moved[place] = Tensor(slopes, shape: [slopes.count])
        return loss(moved).item
      }
      #expect(abs(gradient[index] - (losses[0] - losses[1]) / 2e-6) < 1e-6)
    }
  }

  @Test func `new operations run under autocast to bfloat16 as they do in float32`() throws {
    let sides = PoolingGeometry(
      kernel: [3, 3], stride: [2, 2], padding: [0, 0], endPadding: [1, 1], countIncludePad: false)
    for operation: any Networks.Operation in [
      LogSoftmax(axis: 0), Maximum(axes: [1, 2]), Pooling.max(sides), Pooling.average(sides),
      Pad(axis: 1, before: 1, after: 0, value: -.greatestFiniteMagnitude), Activation.cappedRelu(limit: 3.4e38),
      Activation.clip(low: -3.4e38, high: 3.4e38), Activation.softplus, Activation.mish, Activation.exponential,
      GroupNorm(groups: 4), Resize(.linear, .halfPixel, to: .scales([2, 2])),
      Resize(.nearest(.floor), .asymmetric, to: .scales([2, 2])),
      Resize(.cubic(coefficient: -0.5), .asymmetric, to: .size([5, 9])),
    ] {
      var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
      let x = try net.convolution(net.input, "conv", units: 16, kernel: [3, 3], padding: [1, 1])
      let y = try net.append(
        PReLU(isShared: false), "act", reading: [x], parameters: [.weight: .ones([16]) * 0.25])
      let z = try net.append(operation, reading: [y])
      let network = try net.finish(net.append(Pooling.globalMax, reading: [z]))
      let program = try Program(network.placed(on: .cpu), .training)
      let tensors = program.parameters
      let images = Tensor.normal([2, 3, 8, 8], using: Generator(seed: 2)).channelsLast
      func output() -> Tensor { program.run(images, parameters: tensors, mode: .training).output.to(.float32) }
      expectClose(withBFloat16Autocast { output() }, output(), within: 0.05)
    }
  }

  @Test func `a linear layer over tokens counts them, and its matrix can have a low rank`() throws {
    var net = NetworkBuilder(input: [3, 4, 5], seed: 0)
    let x = try net.append(Reshape([12, 5]), reading: [net.input])
    let y = try net.linear(x, "mlp", units: 7)
    let network = try net.finish(net.linear(net.flatten(net.append(Reshape([84]), reading: [y])), "head", units: 2))
    let cost = try #require(try network.nodeCosts().first { $0.node.name == "mlp" }).cost
    #expect(cost.macs == 12 * 5 * 7 && cost.parameters == 5 * 7 + 7)
  }

  @Test(arguments: [
    (["a": [2, 3], "b": [4, 5]], false), (["a": [2, 3], "b": [3, 5]], true),
    (["a": [6, 2, 3], "b": [1, 3, 5]], true),
  ])
  func `a matrix product wants shapes that match`(shapes: [String: [Int]], fits: Bool) {
    let inputs = ["a", "b"].compactMap { shapes[$0] }
    let found = try? MatrixProduct().shape(of: inputs, parameters: [:])
    #expect((found != nil) == fits)
  }
}
