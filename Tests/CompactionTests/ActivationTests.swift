@testable import Compaction
import Networks
import Testing
import Torch

/// Cuts that keep what a layer gives for images.
@Suite struct ActivationTests {
  /// A strided, unevenly padded convolution with a batch norm behind it between two others.
  private func network(seed: UInt64 = 6) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: seed)
    let conv = try net.convolution(net.input, "first", units: 6, kernel: [3, 3], padding: [1, 1])
    let first = try net.batchNorm(conv, "bn")
    let geometry = ConvolutionGeometry(stride: [2, 1], padding: [1, 2])
    let x = try net.append(
      Convolution(geometry), "conv", reading: [net.relu(first)],
      parameters: [.weight: Tensor.normal([8, 6, 3, 5], using: Generator(seed: 1))])
    let y = try net.relu(net.batchNorm(x, "norm"))
    return try net.finish(net.linear(net.flatten(y), "fc", units: 6)).withRandomBatchNorm()
  }

  /// Images whose pixels are alike and whose channels differ in strength, as those of photographs do.
  private func images(_ count: Int, _ seed: UInt64 = 9) -> Tensor {
    let smooth = random([count, 3, 1, 1], seed) + random([count, 3, 8, 8], seed + 1) * 0.2
    return (smooth * Tensor([3.0, 1, 0.2], shape: [1, 3, 1, 1])).to(.float32)
  }

  private func moments(_ network: Network, _ count: Int = 64) throws -> InputMoments {
    var collector = try MomentCollector(network)
    for batch in 0..<count / 16 { collector.add(images(16, UInt64(20 + batch))) }
    return collector.moments
  }

  private func norm(_ network: Network, _ layer: String = "conv") throws -> ActivationNorm {
    try #require(try moments(network).norm(of: network.layer(named: layer), in: network, inputs: nil))
  }

  @Test(arguments: ["first", "conv", "fc"])
  func `moments predict the activations of a layer`(name: String) throws {
    let network = try network()
    let batch = images(16)
    var collector = try MomentCollector(network)
    collector.add(batch)
    var upTo = network
    upTo.output = name
    let given = try upTo(batch)
    // Units × everything else; images of 8 × 8 are looked at everywhere.
    let axes = given.shape.count == 4 ? [1, 0, 2, 3] : [1, 0]
    var activations = given.permuted(axes).reshaped([given.shape[1], -1]).to(.float64)
    if let bias = network.parameters["\(name).bias"] {
      activations = activations - bias.to(.float64).reshaped([-1, 1])
    }
    let layer = network.layer(named: name)
    let norm = try #require(collector.moments.norm(of: layer, in: network, inputs: nil))
    let count = Double(activations.shape[1])
    if network.normalization(behind: layer) != nil {
      activations = activations - activations.sum(axes: [1], keepingAxes: true) / count
    }
    let scaled = activations * Tensor(network.scale(behind: layer), shape: [given.shape[1], 1])
    // What an error as large as the layer itself counts, but for the ridge.
    let wanted = (scaled * scaled).sum.item / count
    let measured = norm(network.matrix(of: layer), as: .spatialFirst)
    #expect(abs(measured * measured - wanted) < 0.02 * wanted)
    #expect(measured * measured > wanted)
  }

  @Test(arguments: Decomposition.allCases.filter(\.isPair), 1...5)
  func `the error is √Σσ² of the components that go`(decomposition: Decomposition, rank: Int) throws {
    let network = try network()
    let (layer, norm) = (network.layer(named: "conv"), try norm(network))
    let (matrix, shape) = (network.matrix(of: layer), layer.shape)
    let factors = try Factorization(matrix, as: decomposition, shape: shape, rank: rank, in: norm)
    let predicted = try norm.components(of: matrix, as: decomposition).spectrum.error(of: rank)
    #expect(abs(norm(factors.truncated - matrix, as: decomposition) - predicted) < 1e-8 * predicted)
  }

  @Test(arguments: Decomposition.allCases, 1...5)
  func `every channel between two factors is made and read by as much`(decomposition: Decomposition, rank: Int) throws {
    let network = try network()
    let (layer, norm) = (network.layer(named: "conv"), try norm(network))
    let factors = try Factorization(
      network.matrix(of: layer), as: decomposition, shape: layer.shape, rank: rank, in: norm
    ).factors
    for (first, second) in zip(factors, factors.dropFirst()) {
      for unit in 0..<first.shape[0] {
        let made = first.slice(axis: 0, from: unit, to: unit + 1).norm
        let read = second.slice(axis: 1, from: unit, to: unit + 1).norm
        #expect(abs(made - read) < 1e-6 * made)
      }
    }
  }

  @Test(arguments: Decomposition.allCases.filter(\.isPair), 1...5)
  func `no other matrix of that rank is as near`(decomposition: Decomposition, rank: Int) throws {
    let network = try network()
    let (layer, norm) = (network.layer(named: "conv"), try norm(network))
    let (matrix, shape) = (network.matrix(of: layer), layer.shape)
    func error(_ factors: Factorization) -> Double { norm(factors.truncated - matrix, as: decomposition) }
    let best = error(try Factorization(matrix, as: decomposition, shape: shape, rank: rank, in: norm))
    #expect(best < error(try Factorization(matrix, as: decomposition, shape: shape, rank: rank)))
    let factors = try Factorization(matrix, as: decomposition, shape: shape, rank: rank, in: norm)
    for (index, factor) in factors.factors.enumerated() {
      for seed in 1...4 as ClosedRange<UInt64> {
        var moved = factors.factors
        moved[index] = factor + random(factor.shape, seed) * 0.01
        #expect(best < norm(moved.product.unfolded - matrix, as: decomposition))
      }
    }
  }

  @Test func `where every direction is read alike, components are the singular vectors of the scaled weight`() throws {
    let network = try network()
    let layer = network.layer(named: "conv")
    let matrix = network.matrix(of: layer)
    let side = matrix.shape[1]
    let identity = Tensor((0..<side * side).map { $0 % (side + 1) == 0 ? 1.0 : 0 }, shape: [side, side])
    let scale = network.scale(behind: layer)
    let norm = ActivationNorm(scale: scale, shape: layer.shape) { _ in identity }
    let own = try Spectrum(of: matrix * Tensor(scale, shape: [8, 1]))
    for (a, b) in zip(try norm.components(of: matrix, as: .spatialFirst).spectrum.values, own.values) {
      // The ridge adds a thousandth.
      #expect(abs(a - b * 1.001.squareRoot()) < 1e-9 * own.values[0])
    }
  }

  @Test func `a unit that the batch norm behind switched off is not lost for good`() throws {
    var network = try network()
    network.set("norm.weight", [3], to: 0)
    let (layer, norm) = (network.layer(named: "conv"), try norm(network))
    let factors = try Factorization(
      network.matrix(of: layer), as: .spatialFirst, shape: layer.shape, rank: 8, in: norm)
    #expect(relativeError(factors.truncated, network.matrix(of: layer)) < 1e-8)
  }

  @Test(arguments: [Target.energy(0.9), .parameters(0.5), .macs(0.5)], DecompositionChoice.allCases)
  func `plans by activations predict costs and errors and are proved`(goal: Target, decompositions: DecompositionChoice)
    throws
  {
    var network = try network()
    network.zero("first", "bn", [2])
    var compressor = Compressor(
      PlanSettings(target: goal, units: .weakest, allocator: .global, decompositions: decompositions), skip: ["fc"])
    compressor.moments = try moments(network)
    let compacted = try compressor.compact(network)
    #expect(compacted.plan.activationImages == 64 && compacted.plan.energyMeasure == .squares)
    #expect(compacted.plan.layers.contains { if case .lowRank = $0.form { true } else { false } })
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    // A pair can be cut once more.
    compressor.moments = try moments(compacted.network)
    let twice = try compressor.compact(compacted.network)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: twice.truncated, candidate: twice.network) }
  }

  @Test func `a layer whose inputs are all but alike is cut and proved`() throws {
    var network = try network()
    // Inputs of which all but two are the same, and small: what is left of the activations is rounding.
    let name = "first.weight"
    let weight = try #require(network.parameters[name])
    let first = weight.slice(axis: 0, from: 0, to: 1)
    network.parameters[name] = .concatenated(
      [weight.slice(axis: 0, from: 0, to: 1)] + (1..<6).map { _ in first }, axis: 0)
    for parameter in ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"] {
      network.set(parameter, Array(0..<6), to: parameter == "bn.running_var" ? 1 : 0.01)
    }
    for goal in [Target.energy(0.999_999), .macs(0.6)] {
      var compressor = Compressor(
        PlanSettings(target: goal, allocator: .global, decompositions: .any), skip: ["first", "fc"])
      compressor.moments = try moments(network)
      let compacted = try compressor.compact(network)
      #expect(throws: Never.self) {
        _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
      }
    }
  }

  @Test func `the activations that are kept change less than those kept by the weights' own directions`() throws {
    let network = try network()
    var compressor = Compressor(
      PlanSettings(target: .macs(0.5), allocator: .global, decompositions: .any), skip: ["fc"])
    let batch = images(64, 99)
    let given = try network(batch)
    func change() throws -> Double { relativeError(try compressor.compact(network).network(batch), given) }
    let byWeights = try change()
    compressor.moments = try moments(network)
    #expect(try change() < byWeights)
  }

  @Test(arguments: Decomposition.allCases)
  func `inputs that are gone are left out of the moments`(decomposition: Decomposition) throws {
    let network = try network()
    let all = try moments(network)
    var quiet = network
    quiet.zero("first", "bn", [2])
    let removable = try RemovableChannels(in: quiet)
    let layer = network.layer(named: "conv")
    #expect(removable.inputs(of: layer, in: quiet) == [0, 1, 3, 4, 5])
    #expect(removable.inputs(of: quiet.layer(named: "first"), in: quiet) == nil)
    // An error in the inputs that are left counts what it counts among all.
    let narrow = try quiet.narrowed(removing: removable.channels, removable.coupling)
    let part = random([8, 75], 4)
    let whole = Tensor.concatenated(
      [part.slice(axis: 1, from: 0, to: 30), .zeros([8, 15], dtype: .float64), part.slice(axis: 1, from: 30, to: 75)],
      axis: 1)
    let given = try #require(all.norm(of: layer, in: network, inputs: nil))
    let left = try #require(
      all.norm(of: narrow.layer(named: "conv"), in: narrow, inputs: removable.inputs(of: layer, in: quiet)))
    // The ridge is the mean of the inputs', which differ.
    #expect(
      abs(given(whole, as: decomposition) - left(part, as: decomposition)) < 2e-3 * given(whole, as: decomposition))
  }
}
