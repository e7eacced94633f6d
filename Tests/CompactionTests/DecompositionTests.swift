@testable import Compaction
import Foundation
@testable import Networks
import Testing
import Torch

/// The three ways in which a convolution becomes two.
@Suite struct DecompositionTests {
  /// A strided, dilated, unevenly padded convolution with a bias between others, in float64.
  private func network(kernel: [Int] = [3, 5]) throws -> Network {
    var net = NetworkBuilder(input: [3, 14, 14], seed: 6)
    let first = try net.relu(net.convolution(net.input, "first", units: 6, kernel: [3, 3]))
    let geometry = ConvolutionGeometry(stride: [2, 1], padding: [1, 2], dilation: [2, 1])
    let x = try net.append(
      Convolution(geometry), "conv", reading: [first],
      parameters: [
        .weight: Tensor.normal([8, 6] + kernel, using: Generator(seed: 1)),
        .bias: Tensor.normal([8], using: Generator(seed: 2)),
      ])
    let y = try net.batchNorm(x, "norm")
    return try net.finish(net.linear(net.flatten(net.relu(y)), "fc", units: 6)).withRandomBatchNorm().to(.float64)
  }

  private func factorizing(_ network: Network, _ decomposition: Decomposition, rank: Int) throws -> Network {
    let layer = network.layer(named: "conv")
    let factors = try Factorization(
      network.matrix(of: layer), as: decomposition, shape: layer.shape, rank: rank)
    return try network.factorizing(layer, factors)
  }

  private func spectrum(_ network: Network, _ decomposition: Decomposition) throws -> Spectrum {
    let layer = network.layer(named: "conv")
    return try Spectrum(of: decomposition.unfolding(network.matrix(of: layer), layer.shape))
  }

  @Test(arguments: Decomposition.allCases, [[3, 5], [3, 1], [1, 5], [1, 1]])
  func `factoring at full rank changes nothing`(decomposition: Decomposition, kernel: [Int]) throws {
    let network = try network(kernel: kernel)
    let full = try spectrum(network, decomposition).values.count
    let factored = try factorizing(network, decomposition, rank: full)
    #expect(try largestDifference(network, factored) < 1e-12)
    #expect(factored.nodes.count == network.nodes.count + 1)
  }

  @Test(arguments: Decomposition.allCases, 1...5)
  func `the weight's error is √Σσ² of what its own unfolding discards`(decomposition: Decomposition, rank: Int) throws {
    let network = try network()
    let small = try factorizing(network, decomposition, rank: rank)
    let pair = small.layer(named: "conv")
    #expect(pair.isFactorized && pair.decomposition == decomposition)
    let measured = (small.matrix(of: pair) - network.matrix(of: network.layer(named: "conv"))).norm
    let predicted = try spectrum(network, decomposition).error(of: rank)
    #expect(abs(measured - predicted) < 1e-9 * predicted)
  }

  @Test(arguments: Decomposition.allCases)
  func `a factor has the stride, padding and dilation of the axes it takes`(decomposition: Decomposition) throws {
    let small = try factorizing(network(), decomposition, rank: 2)
    func geometry(_ name: String) -> ConvolutionGeometry? { (small[name]?.operation as? Convolution)?.geometry }
    let whole = ConvolutionGeometry(stride: [2, 1], padding: [1, 2], dilation: [2, 1])
    let none = ConvolutionGeometry()
    let vertical = ConvolutionGeometry(stride: [2, 1], padding: [1, 0], dilation: [2, 1])
    let horizontal = ConvolutionGeometry(stride: [1, 1], padding: [0, 2], dilation: [1, 1])
    let shapes = ["conv.0.weight", "conv.1.weight"].map { small.parameters[$0]?.shape }
    switch decomposition {
    case .spatialFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (whole, none))
      #expect(shapes == [[2, 6, 3, 5], [8, 2, 1, 1]])
    case .pointwiseFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (none, whole))
      #expect(shapes == [[2, 6, 1, 1], [8, 2, 3, 5]])
    case .verticalFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (vertical, horizontal))
      #expect(shapes == [[2, 6, 3, 1], [8, 2, 1, 5]])
    default: Issue.record("\(decomposition.name) has no expectation")
    }
    #expect(small["conv.0"]?.parameters[.bias] == nil && small["conv.1"]?.parameters[.bias] == "conv.1.bias")
  }

  @Test(arguments: Decomposition.allCases)
  func `losses are the squared errors of the weight scaled by the batch norm behind it`(
    decomposition: Decomposition
  ) throws {
    let network = try network()
    let layer = network.layer(named: "conv")
    let scale = Tensor(network.scale(behind: layer), shape: [8, 1])
    #expect(Set(network.scale(behind: layer)).count == 8)
    let losses = try NormalizedWeightEnergy().losses(of: layer, in: network, as: decomposition).shares
    let matrix = network.matrix(of: layer)
    for rank in 1...5 {
      let small = try factorizing(network, decomposition, rank: rank)
      let error = (scale * (small.matrix(of: small.layer(named: "conv")) - matrix)).norm / (scale * matrix).norm
      #expect(abs(losses[rank] - error * error) < 1e-9)
    }
    #expect(losses[0] == 1 && abs(losses[losses.count - 1]) < 1e-12)
  }

  @Test(arguments: Decomposition.allCases)
  func `a rank's cost is what the pair costs`(decomposition: Decomposition) throws {
    let network = try network()
    let analysis = try Analysis(of: network, narrowed: network, [decomposition], by: NormalizedWeightEnergy())
    let perRank = try #require(analysis.layers.first { $0.name == "conv" }?.curve(of: decomposition)).perRank
    let costs = try factorizing(network, decomposition, rank: 3).nodeCosts()
    let pair = costs.filter { $0.node.name.hasPrefix("conv.") }.map(\.cost)
    #expect(3 * perRank.macs == pair.map(\.macs).reduce(0, +))
    #expect(3 * perRank.parameters + 8 == pair.map(\.parameters).reduce(0, +))
    #expect(3 * perRank.activationBytes == pair[0].activationBytes)
  }

  @Test(arguments: [Decomposition.pointwiseFirst, .verticalFirst])
  func `a pair of another decomposition than the trained one is left alone`(decomposition: Decomposition) throws {
    let small = try factorizing(network(), decomposition, rank: 3).to(.float32)
    #expect(small.layer(named: "conv").obstacle != nil)
    let regularization = try Regularization(Regularizer(nuclear: 1, group: 1, skip: []), on: small)
    #expect(!regularization.matrices.contains { $0.layer == "conv" })
    let twice = try Compressor(PlanSettings(target: .energy(0.5)), skip: []).compact(small)
    #expect(twice.network.nodes.filter { $0.name.hasPrefix("conv") }.map(\.name) == ["conv.0", "conv.1"])
    #expect(try twice.network.cost() == twice.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: twice.truncated, candidate: twice.network) }
  }

  @Test(arguments: [Target.energy(0.7), .parameters(0.5), .macs(0.5)], Allocator.allCases)
  func `with any decomposition plans predict costs and are proved`(goal: Target, allocation: Allocator) throws {
    let network = try network().to(.float32)
    let settings = PlanSettings(target: goal, allocator: allocation, decompositions: .any)
    let compacted = try Compressor(settings, skip: ["first"]).compact(network)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test func `with any decomposition a layer is no larger, and no further off, than with the trained one`() throws {
    let network = try network().to(.float32)
    for energy in [0.4, 0.6, 0.8] {
      let plans = try DecompositionChoice.allCases.map {
        try Compressor(PlanSettings(target: .energy(energy), decompositions: $0), skip: ["first", "fc"]).compact(
          network
        ).plan
          .layers
      }
      for (trained, any) in zip(plans[0], plans[1]) {
        #expect(any.weights <= trained.weights)
        guard case .lowRank = trained.form else { continue }
        #expect(any.error <= trained.error * (1 + 1e-6))
      }
    }
  }

  @Test(arguments: Decomposition.allCases)
  func `momenta follow the factors by the chain rule`(decomposition: Decomposition) throws {
    let network = try network()
    let layer = network.layer(named: "conv")
    let shape = layer.shape
    let factors = try Factorization(network.matrix(of: layer), as: decomposition, shape: shape, rank: 3)
    let small = try network.factorizing(layer, factors)
    let removable = try RemovableChannels(in: network)
    let plan = try Compressor(PlanSettings(target: .energy(1))).plan(
      for: Analysis(of: network, narrowed: network, by: WeightEnergy(measure: .sum)))
    let compacted = Compacted(
      network: small, truncated: network, plan: plan,
      rewrite: Rewrite(removable: removable, layers: [(layer, factors)], narrow: network))
    let momentum = random(shape, 7)
    let carried = compacted.carrying(["conv.weight": momentum])
    // ⟨V_first, dF⟩ is ⟨V, the product's change with dF⟩.
    let change = random(try #require(carried["conv.0.weight"]).shape, 8)
    let product = change.followed(by: try #require(small.parameters["conv.1.weight"])).unfolded
    let left = (try #require(carried["conv.0.weight"]) * change).sum.item
    #expect(abs(left - (momentum.unfolded * product).sum.item) < 1e-9)
  }

  @Test func `forms are written with their decomposition, and a rank alone is of the one that is trained`() throws {
    let forms = [Form.lowRank(rank: 5), .lowRank(.verticalFirst, rank: 3), .dense]
    #expect(try JSONDecoder().decode([Form].self, from: JSONEncoder().encode(forms)) == forms)
    let short = try JSONDecoder().decode([Form].self, from: Data(#"[{"rank":5},"dense"]"#.utf8))
    #expect(short == [forms[0], forms[2]])
  }
}
