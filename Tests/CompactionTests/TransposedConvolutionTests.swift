import Networks
import Testing
import Torch

@testable import Compaction

/// Transposed convolutions have a matrix, a low rank and units as other layers have.
@Suite struct TransposedConvolutionTests {
  private static let layers: [TransposedConvolution] = [
    TransposedConvolution(),
    TransposedConvolution(ConvolutionGeometry(stride: [2, 2], padding: [1, 1]), outputPadding: [1, 0]),
    TransposedConvolution(
      ConvolutionGeometry(stride: [1, 3], padding: [0, 2], dilation: [2, 1]), outputPadding: [1, 2]),
    TransposedConvolution(ConvolutionGeometry(padding: [3, 0], dilation: [2, 1])),
  ]

  /// A small U-Net: down by a stride, up by a transposed convolution, beside what came before.
  private func network(
    _ layer: TransposedConvolution = layers[1], kernel: [Int] = [3, 4], seed: UInt64 = 3
  ) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: seed)
    let generator = Generator(seed: seed)
    let x = try net.relu(
      net.batchNorm(net.convolution(net.input, "first", units: 6, kernel: [3, 3], padding: [1, 1]), "bn"))
    let up = try net.append(
      layer, "up", reading: [x],
      parameters: [
        .weight: Tensor.normal([8, 6] + kernel, using: generator) * 0.3, .bias: Tensor.normal([8], using: generator),
      ])
    let y = try net.relu(net.batchNorm(up, "norm"))
    return try net.finish(net.linear(net.flatten(net.append(Pooling.globalAverage, reading: [y])), "fc", units: 5))
      .withRandomBatchNorm()
  }

  @Test(arguments: layers, [[3, 4], [2, 2], [1, 1]])
  func `its matrix times its patches is what it gives`(layer: TransposedConvolution, kernel: [Int]) throws {
    let network = try network(layer, kernel: kernel).to(.float64)
    let images = random([2, 3, 8, 8], 1)
    var (before, upTo) = (network, network)
    (before.output, upTo.output) = (try #require(network["up"]).inputs[0], "up")
    let given = try upTo(images).permuted([1, 0, 2, 3]).reshaped([8, -1])
    let bias = try #require(network.parameters["up.bias"]).reshaped([8, 1])
    let patches = layer.patches(of: try before(images), weight: [8, 6] + kernel, places: 1 << 20)
    let product = network.matrix(of: network.layer(named: "up")).matmul(patches) + bias
    #expect(relativeError(product, given) < 1e-12)
  }

  @Test(arguments: Decomposition.allCases, layers)
  func `factors of full rank compute the same`(decomposition: Decomposition, layer: TransposedConvolution) throws {
    let network = try network(layer).to(.float64)
    let matrixLayer = network.layer(named: "up")
    #expect(matrixLayer.obstacle == nil)
    let rank = decomposition.fullRank(of: matrixLayer.shape)
    let factors = try Factorization(
      network.matrix(of: matrixLayer), as: decomposition, shape: matrixLayer.shape, rank: rank)
    let factorized = try network.factorizing(matrixLayer, factors)
    let images = random([2, 3, 8, 8], 2)
    #expect(relativeError(try factorized(images), try network(images)) < 1e-6)
    #expect(factorized.layer(named: "up").isFactorized)
  }

  @Test func `it counts every weight at every pixel that it reads`() throws {
    let network = try network()
    let cost = try #require(try network.nodeCosts().first { $0.node.name == "up" }).cost
    #expect(cost.parameters == 8 * 6 * 3 * 4 + 8 && cost.macs == 8 * 6 * 3 * 4 * 64)
  }

  @Test func `units before it and its own go, and the rest computes what it did`() throws {
    var network = try network()
    network.zero("first", "bn", [1, 4])
    network.zero("up", "norm", [0, 7])
    let small = try narrowed(network)
    #expect(small.parameters["up.weight"]?.shape == [6, 4, 3, 4])
    #expect(small.parameters["fc.weight"]?.shape == [5, 6])
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `a constant that is read is no constant behind it, so its channel stays`() throws {
    var network = try network()
    network.set("first.weight", [2], to: 0)
    network.set("bn.weight", [2], to: 0)
    network.set("bn.bias", [2], to: 1)
    #expect(try narrowed(network).parameters["up.weight"]?.shape == [8, 6, 3, 4])
  }

  @Test func `groups of channels go as a whole`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 1)
    let x = try net.relu(net.convolution(net.input, "first", units: 6, kernel: [1, 1]))
    let layer = TransposedConvolution(ConvolutionGeometry(stride: [2, 2], groups: 3))
    let up = try net.append(
      layer, "up", reading: [x], parameters: [.weight: Tensor.normal([9, 2, 2, 2], using: Generator(seed: 1))])
    var network = try net.finish(
      net.linear(net.flatten(net.append(Pooling.globalAverage, reading: [up])), "fc", units: 5))
    #expect(network.layer(named: "up").obstacle == "grouped")
    network.set("first.weight", [2, 3], to: 0)
    network.set("up.weight", [3, 4, 5], to: 0)
    let small = try narrowed(network)
    #expect(small.parameters["up.weight"]?.shape == [6, 2, 2, 2])
    #expect((small["up"]?.operation as? TransposedConvolution)?.groups == 2)
    #expect(try difference(network) { try narrowed($0) } < 1e-12)
  }

  @Test func `batch norms behind it fold into its weight`() throws {
    let network = try network().to(.float64)
    let folded = try network.foldingBatchNorm()
    #expect(!folded.nodes.contains { $0.operation is BatchNorm })
    let images = random([2, 3, 8, 8], 2)
    #expect(relativeError(try folded(images), try network(images)) < 1e-12)
  }

  @Test func `a network with one is compressed and proved`() throws {
    let network = try network()
    for target in [Target.macs(0.6), .parameters(0.7)] {
      let compacted = try Compressor(PlanSettings(target: target, units: .weakest), skip: []).compact(network)
      _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
      #expect(try compacted.network.cost().macs < network.cost().macs)
    }
  }

  @Test func `in 8 bits it stays in float32, and says so`() throws {
    let sites = QuantizationSites(of: try network().foldingBatchNorm(), leavingOut: { _ in false })
    #expect(sites.left.contains { $0.layer == "up" && $0.reason == "computed in float32" })
    #expect(!sites.layers.contains("up") && sites.layers.contains("first"))
  }
}
