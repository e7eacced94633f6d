import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

@Suite struct FactorizationTests {
  /// A strided, dilated, padded convolution with a bias, then a linear layer.
  private func network() throws -> Network {
    var net = NetworkBuilder(input: [3, 12, 12], seed: 6)
    let geometry = ConvolutionGeometry(stride: [2, 1], padding: [1, 2], dilation: [2, 1])
    let x = try net.append(
      Convolution(geometry), "conv", reading: [net.input],
      parameters: [
        .weight: Tensor.normal([8, 3, 3, 3], using: Generator(seed: 1)),
        .bias: Tensor.normal([8], using: Generator(seed: 2)),
      ])
    return try net.finish(net.linear(net.flatten(net.relu(x)), "fc", units: 6))
  }

  private func layer(_ network: Network, _ name: String) throws -> MatrixLayer {
    try #require(network.matrixLayers.first { $0.name == name })
  }

  private func factorizing(_ network: Network, _ name: String, rank: Int) throws -> Network {
    let layer = try layer(network, name)
    return try network.factorizing(layer, Factorization(network.matrix(of: layer), rank: rank))
  }

  @Test(arguments: ["conv", "fc"])
  func `factoring at full rank changes nothing`(name: String) throws {
    let network = try network().to(.float64)
    let full = try Spectrum(of: network.matrix(of: layer(network, name))).values.count
    let factored = try factorizing(network, name, rank: full)
    #expect(try largestDifference(network, factored) < 1e-12)
    #expect(factored.nodes.count == network.nodes.count + 1)
  }

  @Test func `a convolution becomes filters of its size and a pointwise one that carries the bias`() throws {
    let small = try factorizing(network(), "conv", rank: 2)
    let first = try #require(small["conv.0"]), second = try #require(small["conv.1"])
    #expect(small["conv"] == nil && small.parameters["conv.weight"] == nil && small.parameters["conv.bias"] == nil)
    #expect(small.parameter(.weight, of: first)?.shape == [2, 3, 3, 3])
    #expect(small.parameter(.weight, of: second)?.shape == [8, 2, 1, 1])
    #expect(first.parameters[.bias] == nil && second.parameters[.bias] == "conv.1.bias")
    #expect((first.operation as? Convolution)?.geometry.dilation == [2, 1])
    #expect(second.operation as? Convolution == Convolution())
  }

  @Test func `the factors are balanced`() throws {
    let factors = try Factorization(random([6, 10], 1), rank: 3).factors
    let (a, b) = (factors[0], factors[1])
    let rows = (a * a).sum(axes: [1]).doubles, columns = (b * b).sum(axes: [0]).doubles
    for (x, y) in zip(rows, columns) { #expect(abs(x - y) < 1e-12 * x) }
  }

  @Test func `the last layer can be factored`() throws {
    let small = try factorizing(network(), "fc", rank: 2)
    #expect(small.output == "fc.1")
    #expect(try small.validate()["fc.1"] == [6])
  }

  @Test func `weights keep their type`() throws {
    #expect(try factorizing(network(), "conv", rank: 2).parameters["conv.0.weight"]?.dtype == .float32)
  }

  @Test func `a pair is one layer whose matrix is the product`() throws {
    let small = try factorizing(network().to(.float64), "conv", rank: 3)
    let pair = try layer(small, "conv")
    #expect(pair.nodes == ["conv.0", "conv.1"] && pair.isFactorized)
    #expect(try Spectrum(of: small.matrix(of: pair)).rank == 3)
    #expect(small.matrixLayers.map(\.name) == ["conv", "fc"])
  }

  @Test(arguments: ["conv", "fc"])
  func `a pair is replaced, never nested`(name: String) throws {
    let once = try factorizing(network().to(.float64), name, rank: 4)
    let twice = try factorizing(once, name, rank: 2)
    #expect(twice.nodes.map(\.name) == once.nodes.map(\.name))
    #expect(twice.parameters.keys.sorted() == once.parameters.keys.sorted())
    #expect(try Spectrum(of: twice.matrix(of: layer(twice, name))).rank == 2)
    let direct = try factorizing(network().to(.float64), name, rank: 2)
    #expect(try largestDifference(direct, twice) < 1e-10)
  }

  @Test func `layers that only look like a pair are two`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 6)
    let a = try net.convolution(net.input, "block.0", units: 4, kernel: [3, 3])
    let b = try net.convolution(net.relu(a), "block.1", units: 4, kernel: [1, 1])
    let c = try net.convolution(b, "other.0", units: 4, kernel: [3, 3])
    let d = try net.convolution(c, "other.1", units: 4, kernel: [3, 3])
    let network = try net.finish(d).recognizingFactors()
    #expect(network.matrixLayers.map(\.name) == ["block.0", "block.1", "other.0", "other.1"])
  }

  @Test func `grouped layers and layers that share a weight have an obstacle`() throws {
    var net = NetworkBuilder(input: [4, 8, 8], seed: 6)
    let a = try net.convolution(net.input, "grouped", units: 4, kernel: [1, 1], groups: 2)
    let b = try net.convolution(a, "one", units: 4, kernel: [1, 1], bias: true)
    let c = try net.convolution(b, "two", units: 4, kernel: [1, 1], bias: true)
    var network = try net.finish(net.convolution(c, "three", units: 4, kernel: [1, 1]))
    #expect(network.matrixLayers.map(\.obstacle) == ["grouped", nil, nil, nil])
    network.nodes[2].parameters[.bias] = "one.bias"
    #expect(network.matrixLayers.map { $0.obstacle != nil } == [true, false, false, false])
    network.nodes[3].parameters[.weight] = "one.weight"
    #expect(network.matrixLayers.map { $0.obstacle != nil } == [true, true, false, true])
  }
}
