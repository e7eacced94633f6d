import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

/// Networks in 8 bits.
@Suite struct QuantizationTests {
  private func images(_ network: Network, _ count: Int = 8, seed: UInt64 = 3) -> Tensor {
    Tensor.normal([count] + network.inputShape, using: Generator(seed: seed))
  }

  private func resnet() throws -> Network {
    try Catalogue.resnet20.network(input: [3, 16, 16], classes: 4, seed: 1).withRandomBatchNorm()
  }

  private func quantizer(_ network: Network, _ settings: QuantizationSettings = QuantizationSettings()) throws
    -> Quantizer
  {
    var quantizer = try Quantizer(network, settings)
    for pass in [Quantizer.Pass.ranges, .counts] { quantizer.add(images(network), pass) }
    return quantizer
  }

  /// Numbers of a normal distribution, and one far away from them.
  private func histogram(farthest: Double) -> ValueHistogram {
    var result = ValueHistogram(low: 0, high: 0)
    let numbers = Tensor.concatenated(
      [Tensor.normal([200_000], using: Generator(seed: 1)), Tensor([Float(farthest)], shape: [1])], axis: 0)
    result.widen(to: numbers)
    result.count(numbers)
    return result
  }

  // MARK: Grids

  @Test(arguments: QuantizationGrid.Element.allCases, [(-1.0, 3.0), (0.0, 2.5), (-4.0, 0.0), (0.0, 0.0)])
  func `a grid has zero and reaches as far as the numbers`(_ element: QuantizationGrid.Element, ends: (Double, Double))
  {
    let grid = QuantizationGrid(low: ends.0, high: ends.1, element)
    #expect(grid.rounded(0) == 0)
    for end in [ends.0, ends.1] { #expect(abs(grid.rounded(end) - end) <= grid.scale, "\(grid)") }
    #expect(grid.range.contains(grid.zeroPoint) && Double(Float(grid.scale)) == grid.scale)
  }

  @Test(arguments: RangeEstimator.allCases)
  func `one far number decides the range by min-max alone`(_ estimator: RangeEstimator) {
    let grid = estimator.grid(for: histogram(farthest: 40), .int8)
    let reach = 127 * grid.scale
    if estimator == .minMax { #expect(abs(reach - 40) < 0.1) } else { #expect((3..<20).contains(reach), "\(reach)") }
  }

  @Test func `the range by squared error has the least of all fractions, and percentile holds what it says`() {
    let histogram = histogram(farthest: 12)
    func error(_ grid: QuantizationGrid) -> Double {
      Tensor.normal([200_000], using: Generator(seed: 1)).doubles.map { grid.rounded($0) - $0 }.map { $0 * $0 }
        .reduce(0, +)
    }
    let best = error(RangeEstimator.squaredError.grid(for: histogram, .uint8))
    for other in RangeEstimator.allCases {
      #expect(best <= 1.05 * error(other.grid(for: histogram, .uint8)), "\(other)")
    }
    // 1 of 100,000 lies beyond 4.42 standard deviations.
    let reach = 127 * RangeEstimator.percentile.grid(for: histogram, .int8).scale
    #expect((4.0..<5).contains(reach), "\(reach)")
  }

  @Test func `zeros of a ReLU do not make the range by entropy small`() {
    var histogram = ValueHistogram(low: 0, high: 0)
    let numbers = Tensor.normal([100_000], using: Generator(seed: 2)).relu
    histogram.widen(to: numbers)
    histogram.count(numbers)
    let grid = RangeEstimator.entropy.grid(for: histogram, .uint8)
    #expect(255 * grid.scale > 2.5, "\(grid)")
  }

  // MARK: Networks

  @Test(arguments: QuantizationGrid.Element.allCases)
  func `weights, biases and values are whole multiples, and outputs stay near`(_ element: QuantizationGrid.Element)
    throws
  {
    var settings = QuantizationSettings()
    settings.activations = element
    let network = try resnet()
    let quantizer = try quantizer(network, settings)
    let quantized = try quantizer.network(by: .squaredError)
    #expect(quantized.isQuantized && !quantizer.folded.isQuantized)
    for layer in quantized.matrixLayers {
      let node = try #require(quantized[layer.name])
      let scales = try #require(quantized.parameter(.weightScale, of: node)).doubles
      let weight = try #require(quantized.parameter(.weight, of: node))
      let largest = element == .int8 ? 127.0 : 63
      for (unit, scale) in scales.enumerated() {
        let whole = weight.slice(axis: 0, from: unit, to: unit + 1).doubles.map { $0 / scale }
        #expect(whole.allSatisfy { abs($0 - $0.rounded()) < 1e-3 && abs($0) < largest + 0.5 }, "\(layer.name)")
        #expect(whole.map(abs).max().map { $0.rounded() } == largest)
      }
      let input = try #require((quantized[node.inputs[0]]?.operation as? Quantize)?.grid, "\(layer.name)")
      let biases = try #require(quantized.parameter(.bias, of: node)).doubles
      for (bias, scale) in zip(biases, scales) {
        let whole = bias / (input.scale * scale)
        #expect(abs(whole - whole.rounded()) < 1e-2 + 1e-6 * abs(whole), "\(layer.name)")
      }
    }
    let x = images(network, 16, seed: 9)
    let (before, after) = (try network(x), try quantized(x))
    #expect(relativeError(after, before) < 0.1, "\(relativeError(after, before))")
    #expect(relativeError(after, before) > 1e-4)
    let rows = try quantizer.layers(of: quantized, on: x)
    #expect(
      rows.count == network.matrixLayers.count && rows.allSatisfy { $0.signalToNoise > 15 && $0.signalToNoise < 70 })
  }

  @Test func `what is cut at zero next is rounded once, and what is moved keeps its grid`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    var x = try net.relu(net.convolution(net.input, "conv", units: 4, kernel: [3, 3]))
    x = try net.append(Pooling.max(PoolingGeometry(kernel: [2, 2], stride: [2, 2])), "pool", reading: [x])
    x = try net.append(Flatten(), "flat", reading: [x])
    x = try net.linear(x, "head", units: 5)
    let quantized = try quantizer(net.finish(x)).network(by: .minMax)
    let grids = quantized.nodes.filter { $0.operation is Quantize }
    #expect(grids.map { $0.inputs[0] } == ["input", "activation1", "pool", "flat"], "\(quantized.nodes.map(\.name))")
    let moved = grids.dropFirst().compactMap { ($0.operation as? Quantize)?.grid }
    #expect(Set(moved).count == 1)
    // The classes are float32.
    #expect(quantized.output == "head")
  }

  @Test func `layers that are left out stay as they are, with the reason`() throws {
    var settings = QuantizationSettings()
    settings.skip = ["conv1", "layer3*"]
    let network = try resnet()
    let quantizer = try quantizer(network, settings)
    let quantized = try quantizer.network(by: .minMax)
    for layer in quantizer.folded.matrixLayers {
      let isLeft = layer.name == "conv1" || layer.name.hasPrefix("layer3")
      let node = try #require(quantized[layer.name])
      #expect((node.parameters[.weightScale] == nil) == isLeft, "\(layer.name)")
      guard isLeft else { continue }
      #expect(quantized.parameter(.weight, of: node)?.doubles == quantizer.folded.parameter(.weight, of: node)?.doubles)
    }
    let rows = try quantizer.layers(of: quantized, on: images(network))
    #expect(rows.filter { $0.floatReason == "left out" }.count == rows.filter { $0.name.hasPrefix("layer3") }.count + 1)
    settings.skip = ["*"]
    #expect(throws: QuantizationError.self) { try Quantizer(network, settings) }
  }

  @Test func `channels between layers are scaled without changing what is computed, and reach evenly then`() throws {
    let network = try resnet()
    let quantizer = try quantizer(network)
    let equalized = try #require(try quantizer.equalized()).folded
    let x = images(network, 4, seed: 7)
    #expect(relativeError(try equalized(x), try quantizer.folded(x)) < 1e-5)
    let pairs = quantizer.folded.equalizablePairs
    #expect(pairs.count == 9 && pairs.allSatisfy { $0.first.hasSuffix("conv1") && $0.second.hasSuffix("conv2") })
    func spread(_ network: Network) throws -> Double {
      var collector = try HistogramCollector(network, [], on: .cpu)
      collector.widen(to: images(network))
      let spreads = collector.reaches.values.map { reach in
        let living = reach.filter { $0 > 0 }
        return (living.max() ?? 1) / (living.min() ?? 1)
      }
      return spreads.reduce(0, +) / Double(spreads.count)
    }
    #expect(try spread(equalized) < spread(quantizer.folded))
  }

  @Test func `dead channels and values of nothing but zeros are no obstacle`() throws {
    var network = try resnet()
    let norm = try #require(network["bn1"])
    network.set(.weight, of: norm.name, to: .zeros([16]))
    network.set(.bias, of: norm.name, to: .zeros([16]))
    let quantizer = try quantizer(network)
    for estimator in RangeEstimator.allCases {
      let output = try quantizer.network(by: estimator)(images(network))
      #expect(output.maximumMagnitude.isFinite)
    }
    #expect(try quantizer.equalized() != nil)
  }

  @Test func `values that are not finite are named`() throws {
    var network = try resnet()
    network.set(.weight, of: "layer1.0.conv1", to: .ones([16, 16, 3, 3]) * 1e38)
    let quantizer = try quantizer(network)
    #expect { try quantizer.network(by: .minMax) } throws: { error in
      "\(error)".contains("expected finite numbers") && "\(error)".contains("activation2 reaches")
    }
  }

  @Test func `gradients pass through the rounding, and stop where it cuts`() throws {
    let x = Tensor([-5, -0.3, 0.26, 9], shape: [4]).to(.float32)
    let leaf = x.clone.leaf
    let rounded = leaf.fakeQuantized(scale: 0.25, zeroPoint: 0, range: -8...8)
    #expect(rounded.doubles == [-2, -0.25, 0.25, 2])
    #expect(rounded.sum.gradients(of: [leaf])[0].doubles == [0, 1, 1, 0])
    let rows = Tensor([1, 1, 1, 1], shape: [2, 2]).to(.float32)
    let scaled = (rows * 0.6).fakeQuantized(scales: Tensor([Float(0.5), 0.4], shape: [2]), range: -2...2)
    #expect(zip(scaled.doubles, [0.5, 0.5, 0.8, 0.8]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func `a network of 8 bits is not cut`() throws {
    let quantized = try quantizer(resnet()).network(by: .minMax)
    #expect(quantized.matrixLayers.allSatisfy { $0.obstacle == "quantised" })
    #expect {
      try Compressor(PlanSettings(target: .macs(0.5))).plan(for: quantized)
    } throws: {
      "\($0)".contains("compress the one that it was made of")
    }
  }
}
